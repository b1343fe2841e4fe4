//! GET `/api/models/{model}/versions/{version}`: one version with all that is known of it, also
//! what would make the list of all models long.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::models::{Version, version};
use super::{no_version, refused, version_of};
use crate::engine::OperatorCount;
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::{ControlError, LiveModel};

#[derive(Deserialize)]
pub(in crate::http) struct Target {
    model: String,
    version: String,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    version: Version<'a>,
    /// While it serves.
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    operators: &'a [OperatorCount],
    opset: Option<i64>,
    producer: Option<&'a str>,
    file_bytes: u64,
    batches: Vec<Batch>,
    totals: Totals,
}

/// Runs with so many rows.
#[derive(Serialize)]
struct Batch {
    rows: usize,
    runs: u64,
    mean_us: f64,
}

/// Since it was loaded.
#[derive(Serialize)]
struct Totals {
    requests: u64,
    failed: u64,
    rows: u64,
}

pub(in crate::http) async fn get(State(api): State<Api>, Path(target): Path<Target>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let Some(model) = snapshot.models.get(&target.model) else {
        return refused(&ControlError::UnknownModel(target.model));
    };
    let number = version_of(model, &target.version);
    let Some((number, entry)) = number.and_then(|it| Some((it, model.versions.get(&it)?))) else {
        return no_version(&target.model, &target.version);
    };
    let details = entry.live.as_deref().map(details);
    reply::json(&Document { version: version(number, entry), details })
}

fn details(live: &LiveModel) -> Details<'_> {
    let (file, totals) = (live.model.file(), live.counts.totals());
    #[expect(clippy::cast_precision_loss, reason = "a mean time needs no more digits")]
    let batches = totals.batches().map(|(rows, runs)| Batch {
        rows,
        runs: runs.count,
        mean_us: runs.ns as f64 / runs.count.max(1) as f64 / 1e3,
    });
    Details {
        operators: &file.operators,
        opset: file.opset,
        producer: file.producer.as_deref(),
        file_bytes: file.bytes,
        batches: batches.collect(),
        totals: Totals {
            requests: totals.success.count + totals.fail.count,
            failed: totals.fail.count,
            rows: totals.inferences,
        },
    }
}
