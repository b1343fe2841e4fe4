//! GET `/api/overview`: all models at a glance, those first that need attention.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::{answered_away, since_1970};
use crate::drift::{self, Report, Source};
use crate::history::{self, Attention, Condition, Drifted, Glance, Level, Quality, Queue, Step};
use crate::http::{Api, reply};
use crate::registry::{self, LiveModel};

#[derive(Serialize)]
struct Document<'a> {
    /// Since 1970.
    at: f64,
    uptime_seconds: f64,
    ready: bool,
    /// Why the models' source cannot be read, if so.
    problem: Option<&'a str>,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    /// The version that answers most of the requests which name none.
    serving: Option<u64>,
    /// That of the version that serves, or of the newest.
    state: &'static str,
    problem: Option<&'a str>,
    dormant: bool,
    versions: Vec<Version<'a>>,
    /// Shares of requests that name no version.
    traffic: BTreeMap<u64, f64>,
    shadow: Option<u64>,
    /// When the last version went live or was taken back.
    loaded_at: Option<u64>,
    now: Option<Now>,
    recent: Vec<f32>,
    queue_depth: usize,
    in_flight: u64,
    drift: Option<Drift>,
    attention: Vec<Attention>,
}

#[derive(Serialize)]
struct Version<'a> {
    #[serde(rename = "version")]
    number: u64,
    state: &'static str,
    reason: &'a str,
    stage: Option<&'static str>,
}

/// What happened in the last seconds.
#[derive(Serialize)]
struct Now {
    seconds: f64,
    requests_per_second: f64,
    rows_per_second: f64,
    error_share: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

#[derive(Serialize)]
struct Drift {
    state: drift::State,
    drifted_inputs: f64,
}

/// Many models are some work.
pub(in crate::http) async fn overview(State(api): State<Api>) -> Response {
    answered_away(move || document(&api)).await
}

fn document(api: &Api) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let models = snapshot.models.iter();
    let mut models: Vec<Model> =
        models.map(|(name, of)| model(api, name, of, api.history.glance(name, of))).collect();
    models.sort_by(|a, b| urgency(a, b));
    reply::json(&Document {
        at: drift::now().as_secs_f64(),
        uptime_seconds: api.history.uptime().as_secs_f64(),
        ready: api.readiness.is_ready(&snapshot),
        problem: snapshot.problem.as_deref(),
        models,
    })
}

/// What is bad comes before what is doubtful, and what is busy before what is not.
fn urgency(a: &Model, b: &Model) -> Ordering {
    // The worst of each is first.
    let level = |model: &Model| {
        model.attention.first().map_or(2, |it| match it.level {
            Level::Bad => 0,
            Level::Warning => 1,
        })
    };
    let rate = |model: &Model| model.now.as_ref().map_or(0.0, |now| now.requests_per_second);
    level(a).cmp(&level(b)).then(rate(b).total_cmp(&rate(a))).then(a.name.cmp(b.name))
}

fn model<'a>(api: &Api, name: &'a str, model: &'a registry::Model, glance: Glance) -> Model<'a> {
    let serving = model.leading();
    let queue_depth = model.live().map(|live| live.queue.depth()).sum();
    let traffic = model.traffic();
    let asked: Vec<&LiveModel> =
        traffic.keys().filter_map(|version| model.live_version(*version)).map(|it| &**it).collect();
    let report = worst(&asked);
    let attention = attention(model, &asked, &glance, report.as_deref());
    let newest = model.versions.values().next_back();
    let served = serving.and_then(|live| model.versions.get(&live.version));
    Model {
        name,
        serving: serving.map(|live| live.version),
        state: served.or(newest).map_or(registry::State::Unavailable, |it| it.state).as_str(),
        problem: model.problem.as_deref(),
        dormant: model.dormant,
        versions: model.versions.iter().map(|(number, entry)| version(*number, entry)).collect(),
        traffic,
        shadow: model.routes.shadow,
        loaded_at: api
            .history
            .last_swap(name)
            .or(serving.map(|live| live.loaded_at))
            .map(|at| since_1970(at).as_secs()),
        now: glance.now.as_ref().map(now),
        recent: glance.recent,
        queue_depth,
        in_flight: model.live().map(|live| live.counts.in_flight()).sum(),
        drift: report.map(|it| Drift { state: it.state, drifted_inputs: it.drifted_inputs }),
        attention,
    }
}

fn version(number: u64, entry: &registry::VersionEntry) -> Version<'_> {
    Version {
        number,
        state: entry.state.as_str(),
        reason: &entry.reason,
        stage: entry.ticket.as_ref().map(|ticket| ticket.stage().as_str()),
    }
}

fn now(step: &Step) -> Now {
    Now {
        seconds: step.seconds,
        requests_per_second: step.rate(step.requests),
        rows_per_second: step.rate(step.rows),
        error_share: step.error_share(),
        p50_ms: step.quantile_ms(0.5),
        p99_ms: step.quantile_ms(0.99),
    }
}

/// Of the versions that are asked, what is farthest from its reference.
fn worst(asked: &[&LiveModel]) -> Option<Arc<Report>> {
    let monitors = asked.iter().filter_map(|live| live.monitor.as_ref());
    let reports = monitors.filter_map(|monitor| monitor.report(Source::Request));
    reports.max_by(|a, b| {
        let inputs = a.drifted_inputs.total_cmp(&b.drifted_inputs);
        let predictions = a.drifted_predictions.total_cmp(&b.drifted_predictions);
        a.state.cmp(&b.state).then(inputs).then(predictions)
    })
}

/// `asked` are the versions that requests go to which name none.
fn attention(
    model: &registry::Model,
    asked: &[&LiveModel],
    glance: &Glance,
    report: Option<&Report>,
) -> Vec<Attention> {
    let reasons = model.versions.iter().filter(|(_, entry)| !entry.reason.is_empty());
    // Each version has a queue of its own; the fullest is the next that refuses.
    let queues = model.live().map(|live| (live.queue.depth(), live.queue.limits().waiting));
    let (depth, limit) =
        queues.max_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)).then(a.0.cmp(&b.0))).unwrap_or_default();
    history::attention(&Condition {
        serves: !asked.is_empty(),
        loading: model.is_loading(),
        rests: model.dormant || model.is_leaving(),
        problem: model.problem.as_deref(),
        reasons: reasons.map(|(version, entry)| (*version, entry.reason.as_str())).collect(),
        now: glance.now.as_ref(),
        queue: Queue { depth, limit, grows: glance.queue_grows },
        drift: report.map(drifted),
        quality: asked.iter().filter_map(|live| quality(live)).collect(),
    })
}

fn drifted(report: &Report) -> Drifted<'_> {
    let features = report.features.iter();
    let features = features.filter(|feature| feature.state == drift::State::Drifted);
    Drifted {
        state: report.state,
        inputs: report.drifted_inputs,
        predictions: report.drifted_predictions,
        features: features.map(|feature| feature.name.as_str()).collect(),
    }
}

/// Only where the owner demands something: putting it together is work.
fn quality(live: &LiveModel) -> Option<Quality> {
    let watcher = live.quality.as_ref()?;
    let settings = watcher.settings();
    let (min_accuracy, max_absolute_error) = (settings.min_accuracy, settings.max_absolute_error);
    min_accuracy.or(max_absolute_error)?;
    let report = watcher.report();
    Some(Quality {
        truths: report.outcomes,
        accuracy: report.realised.quality.accuracy,
        min_accuracy,
        absolute_error: report.realised.mean_absolute_error,
        max_absolute_error,
    })
}
