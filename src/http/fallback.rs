//! Answers for paths and methods that do not exist.

use axum::http::{Method, StatusCode, Uri, header};
use axum::response::Response;

use super::{reply, v1};

pub(super) async fn not_found(uri: Uri) -> Response {
    answer(StatusCode::NOT_FOUND, &uri, &format!("no such path: {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("method {method} is not allowed for {}", uri.path());
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &uri, &message);
    // Elsewhere the router knows.
    if let Some(allowed) = v1::allowed(uri.path()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// `/api` speaks RFC 9457, the protocols their own form.
pub(super) fn answer(status: StatusCode, uri: &Uri, message: &str) -> Response {
    if uri.path().starts_with("/api") {
        reply::problem(status, message)
    } else {
        reply::error(status, message)
    }
}
