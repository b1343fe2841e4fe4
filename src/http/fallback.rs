//! Answers for paths and methods that do not exist.

use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use super::reply;

pub(super) async fn not_found(uri: Uri) -> Response {
    reply::error(StatusCode::NOT_FOUND, &format!("no such path: {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("method {method} is not allowed for {}", uri.path());
    reply::error(StatusCode::METHOD_NOT_ALLOWED, &message)
}
