//! The REST API of TensorFlow Serving, as KServe's protocol v1 uses it too.

pub(super) mod decode;
mod encode;
pub(super) mod predict;
pub(super) mod status;

use axum::http::HeaderValue;

/// The methods of a path that the router does not tell apart from another one: with a verb at its
/// end, or without.
pub(super) fn allowed(path: &str) -> Option<HeaderValue> {
    let last = path.strip_prefix("/v1/models/")?.replace("%3A", ":").replace("%3a", ":");
    let methods = if predict::is_called(&last) { "POST" } else { "GET,HEAD" };
    Some(HeaderValue::from_static(methods))
}
