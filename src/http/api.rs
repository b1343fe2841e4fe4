//! The server's own interface, for operators. Errors are problem documents (RFC 9457).

pub(super) mod contract;
pub(super) mod distribution;
pub(super) mod drift;
pub(super) mod example;
pub(super) mod history;
pub(super) mod jobs;
pub(super) mod models;
pub(super) mod overview;
pub(super) mod quality;
pub(super) mod rollback;
pub(super) mod routing;
pub(super) mod schedules;
pub(super) mod score;
pub(super) mod session;
pub(super) mod version;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::response::Response;

use super::error::Error;
use super::reply;
use crate::away;
use crate::registry::{ControlError, LiveModel, Model};
use crate::repository;

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

/// An answer that takes some work, which the threads that read and write requests need not do.
async fn answered_away(answer: impl FnOnce() -> Response + Send + 'static) -> Response {
    away::blocking(answer).await.unwrap_or_else(|lost| malformed(&Error::from(lost)))
}

/// As the interface tells times; those before 1970 are 1970.
fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The version that a request names by its number, or by a label of the routing.
fn version_of(model: &Model, named: &str) -> Option<repository::Version> {
    // A number is written in one way.
    let number =
        named.parse().ok().filter(|number: &repository::Version| number.to_string() == named);
    number.or_else(|| model.routing.labels.get(named).copied())
}

/// The version that is asked for, or the one that answers most requests where none is. The error is the answer
/// then: there is none of that name, or it does not serve.
fn serving<'a>(
    model: &'a Model,
    name: &str,
    named: Option<&str>,
) -> Result<&'a Arc<LiveModel>, Box<Response>> {
    let live = match named {
        None => model.leading(),
        Some(named) => match version_of(model, named) {
            Some(number) if model.versions.contains_key(&number) => model.live_version(number),
            _ => return Err(Box::new(no_version(name, named))),
        },
    };
    live.ok_or_else(|| {
        let which = named.map_or_else(String::new, |named| format!("version '{named}' of "));
        let message = format!("{which}model '{name}' does not serve now");
        Box::new(reply::problem(StatusCode::NOT_FOUND, &message))
    })
}

/// The answer where there is none of that name.
fn no_version(model: &str, named: &str) -> Response {
    reply::problem(StatusCode::NOT_FOUND, &format!("model '{model}' has no version '{named}'"))
}
