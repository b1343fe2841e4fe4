//! What Prometheus sees of quality. Rates of these over any time give the figures of that time.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Counter, CounterVec, Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::feedback::Fate;
use super::tally::{Known, Made};
use super::target::Target;
use crate::metrics::{Registry, seconds};
use crate::stats::binary::{ByDecision, Confusion, SCORE_BINS, Scored};

/// Seconds: truths come after minutes, days or weeks.
const DELAYS: [f64; 10] =
    [1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0, 7_776_000.0];

const YES: &str = "positive";
const NO: &str = "negative";

/// All metric families of quality. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    predictions: IntCounterVec,
    outcomes: IntCounterVec,
    expected: CounterVec,
    losses: CounterVec,
    feedback: IntCounterVec,
    delay: HistogramVec,
    bins: IntCounterVec,
    positives: IntCounterVec,
    sums: CounterVec,
}

/// The series of one version.
pub(super) struct Series {
    families: Metrics,
    labels: [String; 2],
    /// Predicted and true classes that are on the page.
    pairs: Mutex<BTreeSet<[String; 2]>>,
    predictions: IntCounter,
    feedback: [IntCounter; 5],
    delay: Histogram,
}

impl Metrics {
    /// `registry` is that of `/metrics`, `bins` that of `/metrics/drift`.
    #[must_use]
    pub fn new(registry: &Registry, bins: &Registry) -> Self {
        let version = &["model", "version"];
        let pairs = &["model", "version", "predicted", "actual"];
        let bin = &["model", "version", "bin"];
        Self {
            predictions: registry.counter(
                "onnxd_quality_predictions_total",
                "Predictions of models whose quality is watched.",
                version,
            ),
            outcomes: registry.counter(
                "onnxd_quality_outcomes_total",
                "Predictions whose truth is known, by both.",
                pairs,
            ),
            expected: registry.float_counter(
                "onnxd_quality_expected_total",
                "Predictions by class and by what calibrated scores promise of their truth.",
                pairs,
            ),
            losses: registry.float_counter(
                "onnxd_quality_loss_total",
                "Sums over predictions whose truth is known: log_loss, brier, absolute_error, squared_error.",
                &["model", "version", "loss"],
            ),
            feedback: registry.counter(
                "onnxd_quality_feedback_total",
                "Truths that came, by what became of them.",
                &["model", "version", "result"],
            ),
            delay: registry.histogram(
                "onnxd_quality_label_delay_seconds",
                "Time from a prediction to its truth.",
                version,
                &DELAYS,
            ),
            bins: bins.counter(
                "onnxd_quality_score_bin_total",
                "Predictions whose truth is known, by score in 64 bins.",
                bin,
            ),
            positives: bins.counter(
                "onnxd_quality_score_bin_positives_total",
                "Those of them that were positive.",
                bin,
            ),
            sums: bins.float_counter(
                "onnxd_quality_score_bin_sum_total",
                "The sum of their scores.",
                bin,
            ),
        }
    }

    /// The series of a version; those that have no meaning for its target never appear.
    pub(super) fn series(&self, model: &str, version: &str, target: &Target) -> Series {
        let labels = [model, version];
        let feedback =
            Fate::ALL.map(|fate| self.feedback.with_label_values(&[model, version, fate.as_str()]));
        let series = Series {
            families: self.clone(),
            labels: labels.map(str::to_owned),
            pairs: Mutex::default(),
            predictions: self.predictions.with_label_values(&labels),
            feedback,
            delay: self.delay.with_label_values(&labels),
        };
        series.settle(target, &Made::default(), &Known::default());
        series
    }

    /// A truth that no version knows.
    pub(super) fn unknown(&self, model: &str, fate: Fate) {
        self.feedback.with_label_values(&[model, "", fate.as_str()]).inc();
    }

    /// Takes the series of a version off the pages.
    pub(super) fn remove(&self, series: &Series) {
        let [model, version] = series.labels.each_ref().map(String::as_str);
        let labels = [model, version];
        // Absent series are what is wanted.
        let _ = self.predictions.remove_label_values(&labels);
        let _ = self.delay.remove_label_values(&labels);
        for fate in Fate::ALL {
            let _ = self.feedback.remove_label_values(&[model, version, fate.as_str()]);
        }
        for loss in ["log_loss", "brier", "absolute_error", "squared_error"] {
            let _ = self.losses.remove_label_values(&[model, version, loss]);
        }
        for [predicted, actual] in series.pairs() {
            let labels = [model, version, &predicted, &actual];
            let _ = self.outcomes.remove_label_values(&labels);
            let _ = self.expected.remove_label_values(&labels);
        }
        for bin in 0..SCORE_BINS {
            let labels = [model, version, &bin.to_string()];
            let _ = self.bins.remove_label_values(&labels);
            let _ = self.positives.remove_label_values(&labels);
            let _ = self.sums.remove_label_values(&labels);
        }
    }
}

impl Series {
    pub(super) fn met(&self, fate: Fate) {
        self.feedback[fate as usize].inc();
    }

    pub(super) fn delayed(&self, delay: Duration) {
        self.delay.observe(seconds(delay));
    }

    /// Brings the counters to what was counted.
    pub(super) fn settle(&self, target: &Target, made: &Made, known: &Known) {
        raise(&self.predictions, made.rows);
        match target {
            Target::Score { .. } => {
                self.settle_scores(made, known);
                self.loss("log_loss", known.log_loss);
                self.loss("brier", known.brier);
            }
            Target::Label { .. } => {
                for (predicted, truth, rows) in known.classes.pairs() {
                    raise(&self.outcome(predicted, truth), rows);
                }
            }
            Target::Value { .. } => {
                self.loss("absolute_error", known.absolute_error);
                self.loss("squared_error", known.squared_error);
            }
        }
    }

    fn settle_scores(&self, made: &Made, known: &Known) {
        for (predicted, actual, rows) in cells(&known.scores) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counted rows are whole and not negative"
            )]
            raise(&self.outcome(predicted, actual), rows.round() as u64);
        }
        let expected = made.scores.map(|bins| bins.map(Scored::expected));
        for (predicted, actual, rows) in cells(&expected) {
            let [model, version] = &self.labels;
            let labels = [model, version, predicted, actual];
            raise_to(&self.families.expected.with_label_values(&labels), rows);
        }
        for bin in 0..SCORE_BINS {
            let mut both = known.scores[0][bin];
            both.add(&known.scores[1][bin]);
            let [model, version] = self.labels.each_ref().map(String::as_str);
            let labels = [model, version, &bin.to_string()];
            raise(&self.families.bins.with_label_values(&labels), both.rows);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counted rows are whole and not negative"
            )]
            let positives = both.positives.round() as u64;
            raise(&self.families.positives.with_label_values(&labels), positives);
            raise_to(&self.families.sums.with_label_values(&labels), both.sum);
        }
    }

    fn pairs(&self) -> BTreeSet<[String; 2]> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn outcome(&self, predicted: &str, actual: &str) -> IntCounter {
        let pair = [predicted, actual].map(str::to_owned);
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).insert(pair);
        let [model, version] = &self.labels;
        self.families.outcomes.with_label_values(&[model.as_str(), version, predicted, actual])
    }

    fn loss(&self, loss: &str, sum: f64) {
        let [model, version] = &self.labels;
        let labels = [model.as_str(), version, loss];
        raise_to(&self.families.losses.with_label_values(&labels), sum);
    }
}

/// Rows by predicted and true class.
fn cells(rows: &ByDecision) -> [(&'static str, &'static str, f64); 4] {
    let Confusion { true_positives, false_positives, false_negatives, true_negatives } =
        Confusion::of(rows);
    [
        (YES, YES, true_positives),
        (YES, NO, false_positives),
        (NO, YES, false_negatives),
        (NO, NO, true_negatives),
    ]
}

fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// Sums of rounded numbers may fall by a rounding; counters must not.
fn raise_to(counter: &Counter, total: f64) {
    counter.inc_by((total - counter.get()).max(0.0));
}
