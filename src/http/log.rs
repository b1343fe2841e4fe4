//! Gives every request an id and logs it: failures of the server as warnings, the rest
//! only at debug level.

use std::time::Instant;

use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;

use super::error::Message;
use crate::telemetry::{REQUEST_ID, request_id};

/// Follows a request from its head to its answer.
pub(super) struct Watched {
    started: Instant,
    id: HeaderValue,
    method: Method,
    path: String,
}

impl Watched {
    pub(super) fn start<B>(request: &Request<B>) -> Self {
        Self {
            started: Instant::now(),
            id: request_id(request.headers()),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
        }
    }

    /// Writes the log line, and the id into the answer.
    pub(super) fn end(self, response: &mut Response) {
        let Self { started, id, method, path } = self;
        let status = response.status();
        let id_text = id.to_str().unwrap_or("");
        let ms = started.elapsed().as_secs_f64() * 1e3;
        // A probe that answers "not ready" has not failed: it comes without a message.
        let failure = response.extensions().get::<Message>().filter(|_| status.is_server_error());
        // The level of an event is fixed where it is written, its fields need not be twice.
        macro_rules! log {
            ($level:ident, $($last:tt)*) => {
                tracing::$level!(
                    request.id = id_text,
                    http.method = %method,
                    http.path = path,
                    http.status = status.as_u16(),
                    ms,
                    $($last)*
                )
            };
        }
        if let Some(Message(reason)) = failure {
            log!(warn, reason, "request failed");
        } else {
            log!(debug, "request");
        }
        response.headers_mut().insert(REQUEST_ID, id);
    }
}
