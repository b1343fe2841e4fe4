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

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::text::Text;
use super::{reply, routes};

/// Serialised once, when it is first asked for.
static DOCUMENT: LazyLock<Text> =
    LazyLock::new(|| Text::new(document::of_routes(&routes()).to_string(), reply::JSON));

static PAGE: LazyLock<Text> = LazyLock::new(|| {
    let page = page::of_document(DOCUMENT.body());
    let text = Text::new(page, HeaderValue::from_static("text/html; charset=utf-8"));
    text.with_policy(HeaderValue::try_from(page::policy()).ok())
});

pub(super) async fn json(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers).await
}

pub(super) async fn page(headers: HeaderMap) -> Response {
    PAGE.answer(&headers).await
}
