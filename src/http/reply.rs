//! Small JSON answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

/// Clients compare this literally, so no charset is added.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// 200 with a JSON document.
pub(super) fn json(document: &impl Serialize) -> Response {
    with_status(StatusCode::OK, document)
}

pub(super) fn with_status(status: StatusCode, document: &impl Serialize) -> Response {
    // Documents here are made of strings, numbers and lists: they always serialise.
    let text = serde_json::to_vec(document).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// `{"error": "…"}`, as `/v1` and `/v2` want it.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    #[derive(Serialize)]
    struct Document<'a> {
        error: &'a str,
    }
    with_status(status, &Document { error: message })
}
