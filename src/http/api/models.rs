//! GET `/api/models`: every model and version with all that is known of it.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::since_1970;
use crate::describe::{TensorMetadata, outputs, tensors};
use crate::engine::{Batching, CostCurve, CostPoint};
use crate::gate;
use crate::http::{Api, reply};
use crate::registry::{Comparison, LiveModel, Routing, VersionEntry};

#[derive(Serialize)]
struct Document<'a> {
    /// Why the models' source cannot be read, if so.
    problem: Option<&'a str>,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    /// The version that answers requests which name none.
    serving: Option<u64>,
    problem: Option<&'a str>,
    routing: &'a Routing,
    /// It left memory because nobody asked for it.
    dormant: bool,
    versions: Vec<Version<'a>>,
}

#[derive(Serialize)]
pub(super) struct Version<'a> {
    #[serde(rename = "version")]
    number: u64,
    state: &'static str,
    reason: &'a str,
    /// Where new files of it are on their way into service.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    /// The checks of files that its gate refused last.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [gate::Check],
    #[serde(flatten)]
    live: Option<Live<'a>>,
}

#[derive(Serialize)]
struct Live<'a> {
    sha256: &'a str,
    loaded_at_unix: u64,
    load_ms: f64,
    /// Times of runs of so many rows, as the warm-up measured them.
    cost: &'a [CostPoint],
    batching: bool,
    batching_reason: Option<&'a str>,
    /// Rows that are worth running together; none where requests are neither joined nor
    /// taken apart.
    batch_rows: Option<usize>,
    /// Time of a long run with the help of idle cores as a share of its time alone.
    help_gains: Option<f64>,
    queue_depth: usize,
    deadline_ms: u64,
    strategy: String,
    strategy_reason: Option<String>,
    memory_bytes: u64,
    plans: usize,
    plan_compiles: u64,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<Shadow>,
    gate: &'a [gate::Check],
    inputs: Vec<TensorMetadata<'a>>,
    outputs: Vec<TensorMetadata<'a>>,
}

/// How a shadow's answers compare.
#[derive(Serialize)]
struct Shadow {
    answers: u64,
    agreement: Option<f64>,
    mean_absolute_difference: Option<f64>,
    latency_ratio: Option<f64>,
}

pub(in crate::http) async fn list(State(api): State<Api>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let models = snapshot.models.iter().map(|(name, model)| Model {
        name,
        serving: model.serving().map(|live| live.version),
        problem: model.problem.as_deref(),
        routing: &model.routing,
        dormant: model.dormant,
        versions: model.versions.iter().map(|(number, entry)| version(*number, entry)).collect(),
    });
    reply::json(&Document { problem: snapshot.problem.as_deref(), models: models.collect() })
}

pub(super) fn version(number: u64, entry: &VersionEntry) -> Version<'_> {
    Version {
        number,
        state: entry.state.as_str(),
        reason: &entry.reason,
        stage: entry.ticket.as_ref().map(|ticket| ticket.stage().as_str()),
        refused: &entry.refused,
        live: entry.live.as_deref().map(live),
    }
}

fn live(live: &LiveModel) -> Live<'_> {
    let facts = live.model.facts();
    let (batching, batching_reason) = match live.model.batching() {
        Batching::Rows => (true, None),
        Batching::Off { reason } => (false, Some(reason.as_str())),
    };
    Live {
        sha256: &live.lineage.sha256,
        loaded_at_unix: since_1970(live.loaded_at).as_secs(),
        load_ms: live.load_time.as_secs_f64() * 1e3,
        cost: live.model.cost().map_or(&[], CostCurve::points),
        batching,
        batching_reason,
        batch_rows: live.queue.batch_rows(),
        help_gains: live.queue.help_gains(),
        queue_depth: live.queue.depth(),
        deadline_ms: u64::try_from(live.deadline.as_millis()).unwrap_or(u64::MAX),
        strategy: facts.strategy,
        strategy_reason: facts.strategy_reason,
        memory_bytes: facts.memory_bytes,
        plans: facts.plans,
        plan_compiles: facts.compiles,
        warnings: facts.warnings,
        shadow: shadow(&live.comparison),
        gate: &live.gate.checks,
        inputs: tensors(&live.signature().inputs),
        outputs: outputs(live),
    }
}

fn shadow(comparison: &Comparison) -> Option<Shadow> {
    let answers = comparison.answers();
    (answers > 0).then(|| Shadow {
        answers,
        agreement: comparison.agreement(),
        mean_absolute_difference: comparison.mean_absolute_difference(),
        latency_ratio: comparison.latency_ratio(),
    })
}
