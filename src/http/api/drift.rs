//! `/api/models/{model}/drift`: how far the data is from the reference, and what was counted.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::refused;
use crate::drift::{self, Monitor, Report, Source, Span, Tally};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::http::{Api, reply};
use crate::registry::{ControlError, Model};

#[derive(Serialize)]
struct Reports<'a> {
    model: &'a str,
    source: Source,
    /// By version, those that serve and have a reference.
    versions: BTreeMap<u64, &'a Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Of {
    source: Option<String>,
}

/// What was found at the last look.
pub(in crate::http) async fn report(
    State(api): State<Api>,
    Path(model): Path<String>,
    Query(of): Query<Of>,
) -> Response {
    let source = match source(of.source.as_deref()) {
        Ok(source) => source,
        Err(message) => return reply::problem(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let reports: BTreeMap<_, _> = monitors(found)
        .filter_map(|(version, monitor)| Some((version, monitor.report(source)?)))
        .collect();
    let versions = reports.iter().map(|(version, report)| (*version, &**report)).collect();
    reply::json(&Reports { model: &model, source, versions })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Asked {
    window: Option<String>,
    source: Option<String>,
}

#[derive(Serialize)]
struct States<'a> {
    model: &'a str,
    source: Source,
    window: Span,
    versions: BTreeMap<u64, Counts<'a>>,
}

/// Counts of a window. Those of replicas may be added where the reference is the same.
#[derive(Serialize)]
struct Counts<'a> {
    reference: &'a str,
    rows: u64,
    #[serde(rename = "counted_rows")]
    counted: u64,
    features: Vec<Feature<'a>>,
}

#[derive(Serialize)]
struct Feature<'a> {
    name: &'a str,
    bins: Vec<String>,
    counts: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    sums: Option<&'a [f64]>,
    out_of_range: u64,
}

/// The counts themselves.
pub(in crate::http) async fn state(
    State(api): State<Api>,
    Path(model): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let window = match window(asked.window.as_deref()) {
        Ok(window) => window,
        Err(message) => return reply::problem(StatusCode::BAD_REQUEST, &message),
    };
    let source = match source(asked.source.as_deref()) {
        Ok(source) => source,
        Err(message) => return reply::problem(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let now = drift::now();
    let tallies: Vec<(u64, &Monitor, Tally)> = monitors(found)
        .filter_map(|(version, monitor)| {
            Some((version, monitor, monitor.window(source, window, now)?))
        })
        .collect();
    let versions = tallies.iter().map(|(version, monitor, tally)| {
        let reference = monitor.reference();
        let features = reference.watched.iter().enumerate().map(|(place, watched)| {
            let bins = watched.first..watched.first + watched.binning.bins();
            let sums = watched.first..watched.first + watched.binning.finite();
            Feature {
                name: &watched.feature.name,
                bins: (0..watched.binning.bins()).map(|bin| watched.binning.name(bin)).collect(),
                counts: &tally.counts[bins],
                sums: watched.binning.is_of_numbers().then(|| &tally.sums[sums]),
                out_of_range: tally.outside[place],
            }
        });
        let counts = Counts {
            reference: &reference.id,
            rows: tally.rows,
            counted: tally.counted,
            features: features.collect(),
        };
        (*version, counts)
    });
    reply::json(&States { model: &model, source, window, versions: versions.collect() })
}

pub(super) fn window(asked: Option<&str>) -> Result<Span, String> {
    match asked {
        None | Some("short") => Ok(Span::Short),
        Some("long") => Ok(Span::Long),
        Some(other) => Err(format!("window is '{other}', expected short or long")),
    }
}

pub(super) fn source(asked: Option<&str>) -> Result<Source, String> {
    let Some(asked) = asked else { return Ok(Source::Request) };
    let found = Source::ALL.into_iter().find(|source| source.as_str() == asked);
    found.ok_or_else(|| format!("source is '{asked}', expected request or batch"))
}

/// Of the versions that serve and have a reference.
fn monitors(model: &Model) -> impl Iterator<Item = (u64, &Monitor)> {
    model
        .versions
        .iter()
        .filter_map(|(version, entry)| Some((*version, entry.live.as_ref()?.monitor.as_deref()?)))
}
