//! Gives every request an id and logs it: failures of the server as warnings, of the others a
//! share, and the rest only at debug level. What is followed is followed from here.

use std::time::Instant;

use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use http_body::Body as _;

use super::error::Message;
use super::route;
use crate::telemetry::{Arrived, Call, Ended, Followed, REQUEST_ID, Telemetry, request_id};

/// Follows a request from its head to its answer.
pub(super) struct Watched {
    started: Instant,
    id: HeaderValue,
    method: Method,
    path: String,
    followed: Followed,
}

impl Watched {
    /// What is followed has its record in the extensions of the request.
    pub(super) fn start<B>(telemetry: &Telemetry, request: &mut Request<B>) -> Self {
        let started = Instant::now();
        let id = request_id(request.headers());
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let call = || Call::Http {
            method: method.as_str().to_owned(),
            route: route::of(&path),
            path: path.clone(),
        };
        let arrived = Arrived { id: &id, headers: request.headers(), started };
        let followed = telemetry.follow(arrived, || route::is_probe(&path), call);
        if let Some(record) = followed.record() {
            request.extensions_mut().insert(record.clone());
        }
        Self { started, id, method, path, followed }
    }

    /// Writes the log line, and the id into the answer.
    pub(super) fn end(self, response: &mut Response) {
        let Self { started, id, method, path, followed } = self;
        let status = response.status();
        let id_text = id.to_str().unwrap_or("");
        let ms = started.elapsed().as_secs_f64() * 1e3;
        let bytes = response.body().size_hint().exact();
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
                    trace_id = followed.trace_id(),
                    $($last)*
                )
            };
        }
        if let Some(Message(reason)) = failure {
            log!(warn, reason, "request failed");
        } else if followed.is_logged() {
            let told = followed.told();
            log!(
                info,
                http.route = told.route,
                model.name = told.model,
                model.version = told.version,
                rows = told.rows,
                request.bytes = told.request_bytes,
                response.bytes = bytes,
                "request"
            );
        } else {
            log!(debug, "request");
        }
        response.headers_mut().insert(REQUEST_ID, id);
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        followed.end(Ended::Http(status.as_u16()), bytes);
    }
}
