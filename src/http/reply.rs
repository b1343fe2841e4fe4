//! Small JSON answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::contract::{Refusal, Violation};

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

/// A problem document (RFC 9457), as `/api` wants it.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    #[derive(Serialize)]
    struct Document<'a> {
        title: &'a str,
        status: u16,
        detail: &'a str,
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let mut response = with_status(status, &Document { title, status: status.as_u16(), detail });
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem);
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

/// The same with what a contract demands and did not find.
pub(super) fn violations(status: StatusCode, message: &str, refusal: &Refusal) -> Response {
    #[derive(Serialize)]
    struct Document<'a> {
        error: &'a str,
        total: u64,
        violations: &'a [Violation],
    }
    let (total, violations) = (refusal.total, &refusal.violations);
    with_status(status, &Document { error: message, total, violations })
}
