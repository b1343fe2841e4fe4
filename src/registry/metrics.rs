//! What the registry counts: the lifecycle of versions, and the requests each answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus::{GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec};

use super::counts::{Counts, Part, PerProtocol};
use super::events::Events;
use super::health::Health;
use super::labels::{Outcome, Protocol, Refusal, ShadowOutcome, Stage};
use super::lifecycle::Cause;
use super::live::{Lineage, LiveModel};
use super::shadows::ShadowMetrics;
use super::snapshot::State;
use super::statistics::Totals;
use crate::contract::{self, Contract};
use crate::metrics::{LATENCY_BUCKETS, Registry, seconds};
use crate::scheduler;

/// Versions of one model whose series stay on the page after they are gone, so that a
/// scraper sees their last counts; older ones leave, or a thousand swaps would fill it.
const RETIRED_KEPT: usize = 2;

/// All metric families of the registry. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    requests_total: IntCounterVec,
    request_duration_seconds: HistogramVec,
    stage_duration_seconds: HistogramVec,
    rows_total: IntCounterVec,
    rejected_total: IntCounterVec,
    in_flight: IntGaugeVec,
    last_request_timestamp_seconds: GaugeVec,
    model_state: IntGaugeVec,
    model_info: IntGaugeVec,
    model_load_seconds: GaugeVec,
    model_memory_bytes: IntGaugeVec,
    plans: IntGaugeVec,
    plan_compiles_total: IntCounterVec,
    swaps_total: IntCounterVec,
    refusals_total: IntCounterVec,
    swap_duration_seconds: HistogramVec,
    source_up: IntGaugeVec,
    queues: scheduler::Metrics,
    shadows: ShadowMetrics,
    contracts: contract::Metrics,
    retired: Mutex<HashMap<String, VecDeque<(String, Lineage)>>>,
    events: Events,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let version = &["model", "version"];
        Self(Arc::new(Families {
            registry: registry.clone(),
            requests_total: registry.counter(
                "onnxd_requests_total",
                "Prediction requests by how they ended.",
                &["model", "version", "protocol", "outcome"],
            ),
            request_duration_seconds: registry.histogram(
                "onnxd_request_duration_seconds",
                "Time from the head of a request to its answer, of requests that were answered.",
                &["model", "version", "protocol"],
                &LATENCY_BUCKETS,
            ),
            stage_duration_seconds: registry.histogram(
                "onnxd_stage_duration_seconds",
                "Parts of an answered request's time: decode, queue, infer, encode.",
                &["model", "version", "stage"],
                &LATENCY_BUCKETS,
            ),
            rejected_total: registry.counter(
                "onnxd_rejected_total",
                "Requests turned away although nothing was wrong with them, by reason.",
                &["reason"],
            ),
            rows_total: registry.counter("onnxd_rows_total", "Rows answered.", version),
            in_flight: registry.gauge(
                "onnxd_in_flight",
                "Requests that are being worked on.",
                version,
            ),
            last_request_timestamp_seconds: registry.float_gauge(
                "onnxd_last_request_timestamp_seconds",
                "When the last request came, since the epoch of Unix; absent before the first.",
                version,
            ),
            model_state: registry.gauge(
                "onnxd_model_state",
                "1 for the state that a version is in.",
                &["model", "version", "state"],
            ),
            model_info: registry.gauge(
                "onnxd_model_info",
                "1; the digest of the model file that serves, its contract and its reference profile.",
                &["model", "version", "sha256", "contract", "reference"],
            ),
            model_load_seconds: registry.float_gauge(
                "onnxd_model_load_seconds",
                "Time to read, compile and warm up a version.",
                version,
            ),
            model_memory_bytes: registry.gauge(
                "onnxd_model_memory_bytes",
                "Estimated memory of a version's plans.",
                version,
            ),
            plans: registry.gauge("onnxd_plans", "Compiled plans that a version holds.", version),
            plan_compiles_total: registry.counter(
                "onnxd_plan_compiles_total",
                "Plans compiled since the version was loaded.",
                version,
            ),
            swaps_total: registry.counter(
                "onnxd_swaps_total",
                "Versions brought into service (ok), refused (failed) or taken back (rolled_back).",
                &["model", "outcome"],
            ),
            refusals_total: registry.counter(
                "onnxd_refusals_total",
                "Versions that were refused or taken back, by what they did not pass.",
                &["model", "cause"],
            ),
            swap_duration_seconds: registry.histogram(
                "onnxd_swap_duration_seconds",
                "Time from the decision to load a version until it serves.",
                &["model"],
                &LATENCY_BUCKETS,
            ),
            source_up: registry.gauge(
                "onnxd_source_up",
                "1 if the source of the models could be read at the last look, else 0.",
                &[],
            ),
            queues: scheduler::Metrics::new(registry),
            shadows: ShadowMetrics::new(registry),
            contracts: contract::Metrics::new(registry),
            retired: Mutex::default(),
            events: Events::default(),
        }))
        .with_all_refusals()
    }

    /// A rate over a series that is not there yet misses the first event.
    fn with_all_refusals(self) -> Self {
        for refusal in Refusal::ALL {
            self.0.rejected_total.with_label_values(&[refusal.as_str()]);
        }
        self
    }

    /// The counts of a version that goes live.
    #[must_use]
    pub(super) fn version(&self, model: &str, version: &str) -> Arc<Counts> {
        let families = &self.0;
        let labels = &[model, version];
        let requests = |protocol: Protocol| PerProtocol {
            outcomes: Outcome::ALL.map(|outcome| {
                let labels = [model, version, protocol.as_str(), outcome.as_str()];
                families.requests_total.with_label_values(&labels).local()
            }),
            duration: families
                .request_duration_seconds
                .with_label_values(&[model, version, protocol.as_str()])
                .local(),
        };
        let stage = |stage: Stage| {
            let labels = [model, version, stage.as_str()];
            families.stage_duration_seconds.with_label_values(&labels).local()
        };
        let empty = Part {
            protocols: Protocol::ALL.map(requests),
            stages: Stage::ALL.map(stage),
            rows: families.rows_total.with_label_values(labels).local(),
            began: 0,
            ended: 0,
            scored_rows: 0,
            totals: Totals::default(),
            health: Health::default(),
        };
        let counts = Counts::new(&empty, families.in_flight.with_label_values(labels));
        families.registry.settle(&counts);
        counts
    }

    /// What became of versions, one by one.
    pub(super) fn events(&self) -> &Events {
        &self.0.events
    }

    #[must_use]
    pub fn queue(&self, model: &str, version: &str) -> scheduler::QueueMetrics {
        self.0.queues.of(model, version)
    }

    /// Has a contract count on the page.
    pub(super) fn attach(&self, model: &str, version: &str, contract: &mut Contract) {
        self.0.contracts.attach(model, version, contract);
    }

    /// Counts a request that never reached a version.
    pub fn unresolved(&self, protocol: Protocol, outcome: Outcome) {
        self.0
            .requests_total
            .with_label_values(&["", "", protocol.as_str(), outcome.as_str()])
            .inc();
    }

    /// Counts the copy of a request.
    pub fn shadowed(&self, shadow: &LiveModel, outcome: ShadowOutcome) {
        self.0.shadows.add(shadow, outcome);
    }

    /// Counts a request that was turned away.
    pub fn rejected(&self, refusal: Refusal) {
        self.0.rejected_total.with_label_values(&[refusal.as_str()]).inc();
    }

    pub(super) fn set_source(&self, up: bool) {
        self.0.source_up.with_label_values::<&str>(&[]).set(i64::from(up));
    }

    pub(super) fn set_state(&self, model: &str, version: &str, state: State) {
        for candidate in State::ALL {
            self.0
                .model_state
                .with_label_values(&[model, version, &candidate.as_str().to_lowercase()])
                .set(i64::from(candidate == state));
        }
    }

    pub(super) fn went_live(&self, live: &LiveModel, took: Duration) {
        let labels = &[live.name.as_str(), live.version_text.as_str()];
        // Other files count from the beginning.
        let _ = self.0.plan_compiles_total.remove_label_values(labels);
        self.0.contracts.keep_only(labels[0], labels[1], live.contract.as_deref());
        let info = info_labels(&live.name, &live.version_text, &live.lineage);
        self.0.model_info.with_label_values(&info).set(1);
        self.0.model_load_seconds.with_label_values(labels).set(seconds(live.load_time));
        self.0.swaps_total.with_label_values(&[&live.name, "ok"]).inc();
        self.0.swap_duration_seconds.with_label_values(&[&live.name]).observe(seconds(took));
        self.refresh(live);
    }

    pub(super) fn refused(&self, model: &str, cause: Cause) {
        let outcome = if cause == Cause::RolledBack { "rolled_back" } else { "failed" };
        self.0.swaps_total.with_label_values(&[model, outcome]).inc();
        self.0.refusals_total.with_label_values(&[model, cause.as_str()]).inc();
    }

    pub(super) fn refresh(&self, live: &LiveModel) {
        let labels = &[live.name.as_str(), live.version_text.as_str()];
        let facts = live.model.facts();
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.0.model_memory_bytes.with_label_values(labels).set(signed(facts.memory_bytes));
        self.0.plans.with_label_values(labels).set(signed(facts.plans as u64));
        let compiles = self.0.plan_compiles_total.with_label_values(labels);
        compiles.inc_by(facts.compiles.saturating_sub(compiles.get()));
        if let Some(last) = live.asked.last().and_then(since_epoch) {
            self.0.last_request_timestamp_seconds.with_label_values(labels).set(last);
        }
        self.0.shadows.refresh(live);
    }

    /// A version no longer serves; its series stay for a while.
    pub(super) fn retire(&self, live: &LiveModel) {
        // Counts end; what a version holds in memory is nothing from now on.
        let labels = &[live.name.as_str(), live.version_text.as_str()];
        let _ = self.0.model_memory_bytes.remove_label_values(labels);
        let _ = self.0.plans.remove_label_values(labels);
        let _ = self.0.last_request_timestamp_seconds.remove_label_values(labels);
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = retired.entry(live.name.clone()).or_default();
        queue.push_back((live.version_text.clone(), live.lineage.clone()));
        while queue.len() > RETIRED_KEPT {
            if let Some((version, lineage)) = queue.pop_front() {
                self.remove(&live.name, &version, &lineage);
            }
        }
    }

    /// A version came back: its series must not be taken off the page.
    pub(super) fn unretire(&self, model: &str, version: &str) {
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = retired.get_mut(model) else { return };
        for (_, lineage) in queue.iter().filter(|(kept, _)| kept == version) {
            self.forget_info(model, version, lineage);
        }
        queue.retain(|(kept, _)| kept != version);
    }

    /// These files of a version serve no more.
    pub(super) fn forget_info(&self, model: &str, version: &str, lineage: &Lineage) {
        let _ = self.0.model_info.remove_label_values(&info_labels(model, version, lineage));
    }

    pub(super) fn forget_state(&self, model: &str, version: &str) {
        for state in State::ALL {
            let labels = &[model, version, &state.as_str().to_lowercase()];
            // Absent series are what is wanted, here and below.
            let _ = self.0.model_state.remove_label_values(labels);
        }
    }

    fn remove(&self, model: &str, version: &str, lineage: &Lineage) {
        let families = &self.0;
        let labels = &[model, version];
        for protocol in Protocol::ALL {
            for outcome in Outcome::ALL {
                let labels = &[model, version, protocol.as_str(), outcome.as_str()];
                let _ = families.requests_total.remove_label_values(labels);
            }
            let labels = &[model, version, protocol.as_str()];
            let _ = families.request_duration_seconds.remove_label_values(labels);
        }
        for stage in Stage::ALL {
            let labels = &[model, version, stage.as_str()];
            let _ = families.stage_duration_seconds.remove_label_values(labels);
        }
        let _ = families.rows_total.remove_label_values(labels);
        let _ = families.in_flight.remove_label_values(labels);
        self.forget_info(model, version, lineage);
        let _ = families.model_load_seconds.remove_label_values(labels);
        let _ = families.model_memory_bytes.remove_label_values(labels);
        let _ = families.plans.remove_label_values(labels);
        let _ = families.plan_compiles_total.remove_label_values(labels);
        families.queues.remove(model, version);
        families.shadows.remove(model, version);
        families.contracts.remove(model, version);
    }
}

fn info_labels<'a>(model: &'a str, version: &'a str, lineage: &'a Lineage) -> [&'a str; 5] {
    [model, version, &lineage.sha256, &lineage.contract, &lineage.reference]
}

/// In seconds, to the millisecond.
fn since_epoch(time: SystemTime) -> Option<f64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(seconds(Duration::from_millis(u64::try_from(since.as_millis()).ok()?)))
}
