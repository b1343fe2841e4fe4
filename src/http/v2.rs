//! The Open Inference Protocol, version 2.

pub(super) mod config;
pub(super) mod decode;
mod encode;
pub(super) mod health;
pub(super) mod infer;
pub(super) mod metadata;
pub(super) mod repository;
pub(super) mod statistics;

use axum::http::HeaderName;
use serde::Deserialize;

use crate::predict;

/// The path parameters of a model: its name, and its version where the path names one.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) model: String,
    pub(super) version: Option<String>,
}

impl Target {
    /// Without a key: what is asked for is not a prediction.
    fn as_asked(&self) -> predict::Target<'_> {
        predict::Target::new(&self.model, self.version.as_deref())
    }
}

/// Where the JSON ends in a body that binary data follows.
const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
