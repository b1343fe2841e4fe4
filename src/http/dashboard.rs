//! The page that people look at: `/` for browsers, and what it is made of below `/ui`.
//!
//! All of it is in the binary. A path is looked up in a table and never reaches the file system,
//! and no file says anything of this server: that comes from `/api`, which asks for keys.

mod accept;
mod files;
#[cfg(test)]
mod tests;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::path::Path;
use super::{fallback, health};

/// The page for browsers, a sign of life for all others: KServe's clients read it for liveness
/// under protocol v1.
pub(super) async fn start(headers: HeaderMap) -> Response {
    if accept::wants_page(&headers) {
        let mut response = files::PAGE.answer(&headers).await;
        vary(&mut response, "accept, accept-encoding");
        return response;
    }
    let mut response = health::alive();
    vary(&mut response, "accept");
    response
}

fn vary(response: &mut Response, by: &'static str) {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(by));
}

pub(super) async fn file(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    match files::find(&name) {
        Some(file) => file.answer(&headers).await,
        None => {
            fallback::answer(StatusCode::NOT_FOUND, &uri, &format!("no such path: {}", uri.path()))
        }
    }
}
