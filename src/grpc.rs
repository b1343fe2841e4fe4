//! The gRPC interface: the Open Inference Protocol's calls, health and reflection. This file is
//! its table of contents.
//!
//! The use cases are those behind HTTP; nothing here decides anything, or knows of HTTP's
//! adapters.

mod access;
mod beside;
mod body;
mod calls;
mod code;
mod connection;
mod crowd;
mod decode;
#[doc(hidden)]
pub mod decoding;
mod describe;
mod details;
mod encode;
mod error;
#[expect(
    clippy::pedantic,
    clippy::missing_errors_doc,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "it is written by a program"
)]
#[rustfmt::skip]
pub mod generated;
mod head;
mod health;
mod infer;
mod message;
mod reply;
mod repository;
mod server;
mod timeout;

use std::sync::Arc;
use std::time::Duration;

use crate::describe::Readiness;
use crate::predict::Predictor;
use crate::quality::Board;
use crate::telemetry::Telemetry;

pub use access::calls;
pub use server::serve;

/// Settings of the gRPC interface.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Bytes of a message, before and after decompression.
    pub max_body: usize,
    /// Time for a client to send a whole request, and to begin with the first.
    pub read_timeout: Duration,
}

/// What calls need. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

/// The insides of [`Api`].
pub struct Parts {
    config: Config,
    predictor: Predictor,
    readiness: Readiness,
    board: Board,
    telemetry: Telemetry,
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Api {
    #[must_use]
    pub fn new(
        config: Config,
        predictor: Predictor,
        readiness: Readiness,
        board: Board,
        telemetry: Telemetry,
    ) -> Self {
        Self(Arc::new(Parts { config, predictor, readiness, board, telemetry }))
    }
}

/// What the services are called and hold, for those who ask by reflection.
const DESCRIPTOR: &[u8] = include_bytes!("grpc/descriptor.bin");

/// Texts of the protocol that may be left out are empty then.
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
