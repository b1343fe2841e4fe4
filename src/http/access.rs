//! Refuses requests before they are read: routes say what they need, the door of the connection
//! who may come in.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

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
    match door.admit(need, request.headers(), request.uri().authority()) {
        Ok(name) => {
            if let (Some(name), Need::OPERATE) = (name, need) {
                note(&name, request.method(), request.uri());
            }
            next.run(request).await
        }
        Err(refused) => {
            let response = refusal(&refused, request.uri());
            let (head, body) = request.into_parts();
            take(&head.headers, body).await;
            response
        }
    }
}

/// Takes what is on its way of a body that nobody reads, up to a bound: a connection that is
/// closed before that may be reset, and then its peer loses the answer as well.
async fn take(headers: &HeaderMap, mut body: Body) {
    const MOST: usize = 256 << 10;
    const WAIT: Duration = Duration::from_secs(1);
    // Whoever asks first does not send it.
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let reading = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, axum::body::Bytes::len);
            if taken > MOST {
                break;
            }
        }
    };
    // What has not come by then is not worth a place.
    let _ = timeout(WAIT, reading).await;
}

/// Who changed something should be known afterwards.
fn note(name: &str, method: &Method, uri: &Uri) {
    let path = uri.path();
    tracing::info!(key.name = name, http.method = %method, http.path = path, "operated with a key");
}

/// The answer to a request that is refused.
pub(super) fn refusal(refused: &Refused, uri: &Uri) -> Response {
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
