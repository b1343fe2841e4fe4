//! The server's own interface, for operators. Errors are problem documents (RFC 9457).

pub(super) mod contract;
pub(super) mod drift;
pub(super) mod models;
pub(super) mod quality;
pub(super) mod rollback;
pub(super) mod routing;
pub(super) mod score;

use axum::http::StatusCode;
use axum::response::Response;

use super::error::Error;
use super::reply;
use crate::registry::ControlError;

/// The answer where a wish was not granted.
fn refused(error: &ControlError) -> Response {
    let status = match error {
        ControlError::UnknownModel(_) => StatusCode::NOT_FOUND,
        ControlError::Invalid(_) => StatusCode::BAD_REQUEST,
        ControlError::Failed(_) => StatusCode::CONFLICT,
        ControlError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    };
    reply::problem(status, &error.to_string())
}

/// The answer to a request that cannot be understood.
fn malformed(error: &Error) -> Response {
    reply::problem(error.status(), &error.to_string())
}
