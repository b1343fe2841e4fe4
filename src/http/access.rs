//! Refuses requests before they are read: routes say what they need, the door of the connection
//! who may come in.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;

use super::{Api, fallback};
use crate::access::{Door, Need, Refused};

/// The handler behind this door. Where nothing is asked for it stays as it is.
pub(super) fn behind(door: &Door, need: Need, handler: MethodRouter<Api>) -> MethodRouter<Api> {
    if door.asks_for(need) {
        handler.route_layer(from_fn_with_state((door.clone(), need), admit))
    } else {
        handler
    }
}

async fn admit(State((door, need)): State<(Door, Need)>, request: Request, next: Next) -> Response {
    match door.admit(need, request.headers()) {
        Ok(name) => {
            if let (Some(name), Need::OPERATE) = (name, need) {
                note(&name, request.method(), request.uri());
            }
            next.run(request).await
        }
        Err(refused) => refusal(&refused, request.uri()),
    }
}

/// Who changed something should be known afterwards.
fn note(name: &str, method: &Method, uri: &Uri) {
    let path = uri.path();
    tracing::info!(key.name = name, http.method = %method, http.path = path, "operated with a key");
}

fn refusal(refused: &Refused, uri: &Uri) -> Response {
    let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::FORBIDDEN);
    let mut response = fallback::answer(status, uri, &refused.to_string());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = refused.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
