//! GET `/api/session`: who asks and what that one may do, so that a page offers no more than that.
//! Whoever asks is answered: a page must know that it needs a key before it has one.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use serde::Serialize;

use crate::access::Door;
use crate::http::access::refusal;
use crate::http::{Api, reply};

#[derive(Serialize)]
struct Session<'a> {
    /// Not for strangers where keys are asked for, nor is the other address.
    version: Option<&'static str>,
    /// Whether keys are asked for.
    keys: bool,
    /// The name of the one that came.
    key: Option<&'a str>,
    roles: Vec<&'static str>,
    /// Where more figures are.
    prometheus: Option<&'a str>,
}

pub(in crate::http) async fn session(
    State(api): State<Api>,
    Extension(door): Extension<Door>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let standing = match door.standing(&headers, uri.authority()) {
        Ok(standing) => standing,
        Err(refused) => return refusal(&refused, &uri),
    };
    let keys = door.asks_for_keys();
    let is_known = !keys || standing.key.is_some();
    let mut response = reply::json(&Session {
        version: is_known.then_some(env!("CARGO_PKG_VERSION")),
        keys,
        key: standing.key.as_deref(),
        roles: standing.roles.names(),
        prometheus: api.config.prometheus.as_deref().filter(|_| is_known),
    });
    // It is another one for whoever asks next.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
