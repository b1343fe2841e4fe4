//! Probes, the metrics page, and the sign of life at `/`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::{Api, reply};
use crate::describe::triton_metrics;
use crate::metrics::CONTENT_TYPE;

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

#[derive(Serialize)]
struct Live {
    live: bool,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
}

pub(super) fn alive() -> Response {
    reply::json(&Status { status: "alive" })
}

pub(super) async fn live() -> Response {
    reply::json(&Live { live: true })
}

pub(super) async fn ready(State(api): State<Api>) -> Response {
    ready_answer(api.readiness.is_ready(&api.predictor.registry().snapshot()))
}

/// 200 or 503, with a body that says the same.
pub(super) fn ready_answer(ready: bool) -> Response {
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::with_status(status, &Ready { ready })
}

pub(super) async fn metrics(State(api): State<Api>) -> Response {
    api.predictor.registry().refresh_metrics();
    let mut text = api.metrics.text();
    if api.config.triton_metrics {
        let snapshot = api.predictor.registry().snapshot();
        text.extend_from_slice(triton_metrics(&snapshot).as_bytes());
    }
    page(text)
}

/// Counts of values by bin: many series, for a slower scrape.
pub(super) async fn drift_metrics(State(api): State<Api>) -> Response {
    page(api.monitors.page())
}

fn page(text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}
