//! `/openapi.json` describes the interface to programs, `/docs` the same document to people.
//!
//! The document is made of the table of routes: a test fails for a route that nobody described and
//! for a description without a route. Both texts are the same for everybody and for as long as the
//! process lives, and name no model that is served. Nothing of them is a secret: the source says the same, and
//! who has no key yet must learn how to send one. So they need none.

mod document;
mod errors;
mod operation;
mod operations;
mod page;
mod schema;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::{reply, routes};
use crate::digest;

/// A text that never changes, and by what it is known.
struct Text {
    body: Bytes,
    kind: HeaderValue,
    tag: Option<HeaderValue>,
    /// What a browser may do with it.
    policy: Option<HeaderValue>,
}

/// Serialised once, when it is first asked for.
static DOCUMENT: LazyLock<Text> =
    LazyLock::new(|| Text::new(document::of_routes(&routes()).to_string(), reply::JSON));

static PAGE: LazyLock<Text> = LazyLock::new(|| {
    let page = page::of_document(&DOCUMENT.body);
    let text = Text::new(page, HeaderValue::from_static("text/html; charset=utf-8"));
    Text { policy: HeaderValue::try_from(page::policy()).ok(), ..text }
});

impl Text {
    fn new(body: String, kind: HeaderValue) -> Self {
        let tag = HeaderValue::try_from(format!("\"{}\"", digest::short(&body))).ok();
        Self { body: body.into(), kind, tag, policy: None }
    }

    /// The text, or that whoever asks has it.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let is_known = self.tag.as_ref().is_some_and(|tag| names(asked, tag));
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        // Another version of the server has another document.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(tag) = &self.tag {
            headers.insert(header::ETAG, tag.clone());
        }
        if let Some(policy) = &self.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        *response.body_mut() = Body::from(self.body.clone());
        response
    }
}

/// Whether `If-None-Match` names this tag (RFC 9110, 13.1.2).
fn names(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter();
    let tags = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    let mut tags = tags.map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
}

pub(super) async fn json(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers)
}

pub(super) async fn page(headers: HeaderMap) -> Response {
    PAGE.answer(&headers)
}
