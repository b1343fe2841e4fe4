//! The record of a request that is followed, for handlers that have something to add to it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::telemetry::{Body, Form, Record};

/// None for nearly all requests.
pub(super) struct Recorded(pub(super) Option<Record>);

impl<S: Sync> FromRequestParts<S> for Recorded {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.remove()))
    }
}

/// A body of JSON.
pub(super) fn json(bytes: usize) -> Body {
    Body { bytes, form: Form::Json }
}

/// A body of JSON that may end before the body does.
pub(super) fn body(bytes: usize, json: Option<usize>) -> Body {
    Body { bytes, form: json.map_or(Form::Json, Form::JsonAndBinary) }
}
