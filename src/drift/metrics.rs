//! What Prometheus sees of drift. Counts by bin are many series, so they have a page of their
//! own that is scraped less often.

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::history::Span;
use super::reference::Reference;
use super::report::{Feature, Report};
use super::verdict::State;
use super::windows::Source;
use crate::features::Role;
use crate::metrics::Registry;

/// Values by bin.
pub(super) const BINS: &str = "onnxd_feature_bin_total";

/// All metric families of drift on `/metrics`. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    rows: IntCounterVec,
    left_out: IntGaugeVec,
    inputs: Scores,
    predictions: Scores,
}

#[derive(Clone)]
struct Scores {
    score: GaugeVec,
    state: IntGaugeVec,
}

/// The series of one version and source.
pub(super) struct Series {
    source: Source,
    /// Model, version and source.
    labels: [String; 3],
    rows: [IntCounter; 2],
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let feature = &["model", "version", "source", "feature"];
        let statistic = &["model", "version", "source", "feature", "statistic"];
        let scores = |score, state, what: &str| {
            Scores {
            score: registry.float_gauge(
                score,
                &format!(
                    "Distance of {what} from the reference in the short window; absent where too little was seen."
                ),
                statistic,
            ),
            state: registry.gauge(
                state,
                &format!(
                    "1 if {what} has drifted, 0 if not; absent where too little was seen."
                ),
                feature,
            ),
        }
        };
        Self {
            rows: registry.counter(
                "onnxd_drift_rows_total",
                "Rows of requests and of whole files to models with a reference (seen), and those of them whose values were counted (counted).",
                &["model", "version", "source", "rows"],
            ),
            left_out: registry.gauge(
                "onnxd_drift_features_left_out",
                "Features that have no room on /metrics/drift; drift is watched all the same.",
                &["model", "version"],
            ),
            inputs: scores("onnxd_drift_score", "onnxd_drift_state", "a feature"),
            predictions: scores(
                "onnxd_prediction_drift_score",
                "onnxd_prediction_drift_state",
                "a prediction",
            ),
        }
    }

    /// The series of a version, all at nought.
    pub(super) fn series(
        &self,
        source: Source,
        model: &str,
        version: &str,
        reference: &Reference,
    ) -> Series {
        let left = reference.watched.len() - reference.shown.len();
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        self.left_out.with_label_values(&[model, version]).set(left);
        let labels = [model, version, source.as_str()].map(str::to_owned);
        let rows =
            ["seen", "counted"].map(|rows| self.rows.with_label_values(&with(&labels, rows)));
        Series { source, labels, rows }
    }

    /// Shows what was found at the last look.
    pub(super) fn show(&self, series: &Series, report: &Report) {
        for feature in &report.features {
            self.scores(feature.role).show(&series.labels, feature);
        }
    }

    fn scores(&self, role: Role) -> &Scores {
        match role {
            Role::Input => &self.inputs,
            Role::Prediction => &self.predictions,
        }
    }

    /// Takes series off the page.
    pub(super) fn remove(&self, series: &Series, reference: &Reference) {
        for watched in &reference.watched {
            self.scores(watched.feature.role).remove(&series.labels, &watched.feature.name);
        }
        let [model, version, _] = series.labels.each_ref().map(String::as_str);
        // Absent series are what is wanted.
        let _ = self.left_out.remove_label_values(&[model, version]);
        for rows in ["seen", "counted"] {
            let _ = self.rows.remove_label_values(&with(&series.labels, rows));
        }
    }
}

fn with<'a>([model, version, source]: &'a [String; 3], last: &'a str) -> [&'a str; 4] {
    [model, version, source, last]
}

impl Scores {
    fn show(&self, labels: &[String; 3], feature: &Feature) {
        let Some(scores) = feature.scores.get(Span::Short) else {
            self.remove(labels, &feature.name);
            return;
        };
        let [model, version, source, name] = with(labels, &feature.name);
        let set = |statistic, value| {
            let labels = [model, version, source, name, statistic];
            self.score.with_label_values(&labels).set(value);
        };
        set("psi", scores.psi);
        set("psi_excess", scores.psi - scores.psi_expected);
        set("jensen_shannon", scores.jensen_shannon);
        if let Some(distance) = scores.wasserstein {
            set("wasserstein", distance);
        }
        let drifted = i64::from(feature.state == State::Drifted);
        self.state.with_label_values(&[model, version, source, name]).set(drifted);
    }

    fn remove(&self, labels: &[String; 3], feature: &str) {
        let [model, version, source, name] = with(labels, feature);
        for statistic in ["psi", "psi_excess", "jensen_shannon", "wasserstein"] {
            let _ = self.score.remove_label_values(&[model, version, source, name, statistic]);
        }
        let _ = self.state.remove_label_values(&[model, version, source, name]);
    }
}

impl Series {
    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Brings the counters to what threads have counted: rows that were seen, and counted.
    pub(super) fn settle(&self, rows: [u64; 2]) {
        for (counter, total) in self.rows.iter().zip(rows) {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}
