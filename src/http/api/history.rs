//! GET `/api/models/{model}/history`: how a model has been doing for an hour or a week.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{answered_away, refused, since_1970};
use crate::history::{Series, Span};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::http::{Api, reply};
use crate::metrics::LATENCY_BUCKETS;
use crate::registry::{self, ControlError};

#[derive(Serialize)]
struct Document<'a> {
    model: &'a str,
    span: &'static str,
    #[serde(flatten)]
    series: &'a Series,
    events: Vec<Event>,
    latency: Latency<'a>,
}

/// What became of a version.
#[derive(Serialize)]
struct Event {
    /// Since 1970.
    at: f64,
    version: u64,
    what: &'static str,
    reason: String,
}

/// Requests of the whole span.
#[derive(Serialize)]
struct Latency<'a> {
    bounds_ms: [f64; LATENCY_BUCKETS.len()],
    /// One more: the last is above all bounds.
    counts: &'a [u64],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Of {
    span: Option<String>,
}

pub(in crate::http) async fn history(
    State(api): State<Api>,
    Path(model): Path<String>,
    Query(of): Query<Of>,
) -> Response {
    let span = match span(of.span.as_deref()) {
        Ok(span) => span,
        Err(message) => return reply::problem(StatusCode::BAD_REQUEST, &message),
    };
    answered_away(move || document(&api, &model, span)).await
}

/// A week is long.
fn document(api: &Api, model: &str, span: Span) -> Response {
    let Some(series) = api.history.series(model, span) else {
        return refused(&ControlError::UnknownModel(model.to_owned()));
    };
    reply::json(&Document {
        model,
        span: span.as_str(),
        events: api.history.events(model, span).into_iter().map(event).collect(),
        latency: Latency { bounds_ms: bounds_ms(), counts: &series.latencies },
        series: &series,
    })
}

/// An hour, unless something else is asked for.
pub(super) fn span(asked: Option<&str>) -> Result<Span, String> {
    let Some(asked) = asked else { return Ok(Span::Hour) };
    Span::parse(asked).ok_or_else(|| format!("span is '{asked}', expected hour or week"))
}

fn event(event: registry::Event) -> Event {
    Event {
        at: since_1970(event.at).as_secs_f64(),
        version: event.version,
        what: event.what.as_str(),
        reason: event.reason,
    }
}

/// Thousandths are exact in what is printed: 0.0001 s are 0.1 ms.
fn bounds_ms() -> [f64; LATENCY_BUCKETS.len()] {
    LATENCY_BUCKETS.map(|seconds| (seconds * 1e6).round() / 1e3)
}
