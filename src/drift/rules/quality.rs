//! Rules of quality: what came true, against what the owner demands and what scores promised.
//!
//! Truths come late and there are few of them, so they are judged over a longer time than drift.

use super::alerts::{Severity, Words, alert};
use super::promql::{Selector, duration};
use super::recording::record;
use super::yaml::Rule;
use super::{Awaited, Rules};

/// Windows of drift that are judged together.
const WINDOWS: u32 = 24;

/// Times as long that feedback is remembered after it stopped.
const MEMORY: u32 = 7;

/// Fewer truths say nothing.
const LEAST_OUTCOMES: u32 = 200;

/// Of accuracy: less than promised by more is no matter of calibration.
pub(super) const BROKEN_PROMISE: f64 = 0.05;

/// Standard errors of a share that are not to be told from chance.
pub(super) const ERRORS: f64 = 2.0;

pub(super) const LOW: &str = "OnnxdQualityLow";
pub(super) const BELOW_ESTIMATE: &str = "OnnxdQualityBelowEstimate";
pub(super) const ESTIMATE_LOW: &str = "OnnxdEstimatedQualityLow";
pub(super) const NO_TRUTH: &str = "OnnxdNoTruth";

const ACCEPTED: &str = "onnxd:model:outcomes";
const ACCURACY: &str = "onnxd:model:accuracy";
const ESTIMATED: &str = "onnxd:model:accuracy_estimated";
const ERROR: &str = "onnxd:model:absolute_error";

/// What these components call their metrics, which drift knows nothing else of.
pub(super) const PREDICTIONS: &str = "onnxd_quality_predictions_total";
pub(super) const OUTCOMES: &str = "onnxd_quality_outcomes_total";
pub(super) const EXPECTED: &str = "onnxd_quality_expected_total";
pub(super) const LOSSES: &str = "onnxd_quality_loss_total";
pub(super) const FEEDBACK: &str = "onnxd_quality_feedback_total";

/// What is recorded, in the order in which it is needed.
pub(super) fn recorded(rules: &Rules) -> Vec<Rule> {
    let Some(quality) = rules.quality else { return Vec::new() };
    let mut all = vec![rules.record(ACCEPTED, rules.accepted())];
    match quality {
        Awaited::Scores { .. } => {
            all.push(rules.record(ACCURACY, rules.accuracy(OUTCOMES)));
            all.push(rules.record(ESTIMATED, rules.accuracy(EXPECTED)));
        }
        Awaited::Labels { .. } => all.push(rules.record(ACCURACY, rules.accuracy(OUTCOMES))),
        Awaited::Values { .. } => all.push(rules.record(ERROR, rules.absolute_error())),
    }
    all
}

/// By severity.
pub(super) fn alerts(rules: &Rules) -> Vec<Rule> {
    let Some(quality) = rules.quality else { return Vec::new() };
    let mut all = Vec::new();
    match quality {
        Awaited::Scores { least_accuracy } => {
            all.extend(least_accuracy.map(|least| rules.accuracy_low(least)));
            all.push(rules.below_estimate());
            all.extend(least_accuracy.map(|least| rules.estimate_low(least)));
        }
        Awaited::Labels { least_accuracy } => {
            all.extend(least_accuracy.map(|least| rules.accuracy_low(least)));
        }
        Awaited::Values { most_error } => all.extend(most_error.map(|most| rules.error_high(most))),
    }
    all.push(rules.no_truth());
    all
}

impl Rules<'_> {
    fn quality_window(&self) -> String {
        duration(self.settings.window * WINDOWS)
    }

    fn record(&self, name: &'static str, expression: String) -> Rule {
        let reference = self.reference.id.clone();
        let labels = vec![("reference", reference), ("window", self.quality_window())];
        Rule { labels, ..record(name, expression) }
    }

    /// Selects what the rules of quality record.
    fn judged(&self) -> Selector {
        self.counted().with("window", &self.quality_window())
    }

    /// Of all replicas.
    fn increase_of(&self, by: &str, metric: &str, selector: &Selector) -> String {
        let window = self.quality_window();
        format!("sum by (model, version{by}) (increase({metric}{selector}[{window}]))")
    }

    fn accepted(&self) -> String {
        // What no version knows has an empty one.
        let accepted = self.of_model().with("result", "accepted").matching("version", ".+");
        self.increase_of("", FEEDBACK, &accepted)
    }

    /// The share of rows whose class was predicted; absent of too few rows. Two labels of a series
    /// cannot be compared, so it is taken if there is one whose truth is made of the prediction.
    fn accuracy(&self, metric: &str) -> String {
        let model = self.of_model();
        let pairs = self.increase_of(", predicted, actual", metric, &model);
        let predicted = self.increase_of(", predicted", metric, &model);
        let all = self.increase_of("", metric, &model);
        format!(
            "(\n  sum by (model, version) (\n    {pairs}\n    and on (model, version, predicted, actual)\n    label_replace({predicted}, \"actual\", \"$1\", \"predicted\", \"(.*)\")\n  )\n  or {all} * 0\n)\n/ ({all} >= {LEAST_OUTCOMES})"
        )
    }

    fn absolute_error(&self) -> String {
        let model = self.of_model().with("loss", "absolute_error");
        let errors = self.increase_of("", LOSSES, &model);
        format!(
            "{errors}\n/ on (model, version)\n({ACCEPTED}{} >= {LEAST_OUTCOMES})",
            self.judged()
        )
    }

    fn accuracy_low(&self, least: f64) -> Rule {
        let words = Words {
            summary: "{{ $labels.model }} version {{ $labels.version }} is wrong too often"
                .to_owned(),
            description: format!(
                "{{{{ $value | humanizePercentage }}}} of the predictions came true, expected at least {}, window {{{{ $labels.window }}}}. Roll back if a new version did it; look at the alerts of contracts and drift; train on newer data.",
                percent(least)
            ),
        };
        let judged = self.judged();
        let noise = format!("{ERRORS} * sqrt({least} * (1 - {least}) / {ACCEPTED}{judged})");
        let expression = format!("{ACCURACY}{judged} < {least} - {noise}");
        self.held(alert(LOW, Severity::Page, expression, words))
    }

    fn error_high(&self, most: f64) -> Rule {
        let words = Words {
            summary: "{{ $labels.model }} version {{ $labels.version }} errs too much".to_owned(),
            description: format!(
                "The mean absolute error is {{{{ $value | printf \"%.4g\" }}}}, expected at most {most}, window {{{{ $labels.window }}}}. Roll back if a new version did it; look at the alerts of contracts and drift; train on newer data."
            ),
        };
        let expression = format!("{ERROR}{} > {most}", self.judged());
        self.held(alert(LOW, Severity::Page, expression, words))
    }

    fn below_estimate(&self) -> Rule {
        let words = Words {
            summary: "{{ $labels.model }} version {{ $labels.version }} keeps less than its scores promise".to_owned(),
            description: "{{ $value | humanizePercentage }} of the predictions came true, and the scores promised more, window {{ $labels.window }}. The scores do not mean any more what they meant in training: the world has changed, or truths come of some predictions only. Train on newer data.".to_owned(),
        };
        let judged = self.judged();
        let noise = format!(
            "{ERRORS} * sqrt({ESTIMATED}{judged} * (1 - {ESTIMATED}{judged}) / {ACCEPTED}{judged})"
        );
        let expression =
            format!("{ACCURACY}{judged}\n< {ESTIMATED}{judged} - {BROKEN_PROMISE} - {noise}");
        self.held(alert(BELOW_ESTIMATE, Severity::Page, expression, words))
    }

    fn estimate_low(&self, least: f64) -> Rule {
        let words = Words {
            summary: "{{ $labels.model }} version {{ $labels.version }} is less sure than it was"
                .to_owned(),
            description: format!(
                "By its scores {{{{ $value | humanizePercentage }}}} of the predictions will come true, expected at least {}, window {{{{ $labels.window }}}}. No truth is needed to know this. Look at the drift of features and predictions.",
                percent(least)
            ),
        };
        // Of all predictions, which are so many that chance plays no part.
        let expression = format!("{ESTIMATED}{} < {least}", self.judged());
        self.held(alert(ESTIMATE_LOW, Severity::Ticket, expression, words))
    }

    /// Only where there was feedback before: it may be that nobody sends any yet.
    fn no_truth(&self) -> Rule {
        let words = Words {
            summary: "Nobody says any more what came true of {{ $labels.model }} version {{ $labels.version }}".to_owned(),
            description: "There are predictions and no feedback. Nobody can tell how good they are. Look at what sends the truths.".to_owned(),
        };
        let model = self.of_model();
        let accepted = model.with("result", "accepted");
        // Not what counters show now: they begin anew when servers do.
        let memory = duration(self.settings.window * WINDOWS * MEMORY);
        let expression = format!(
            "{ACCEPTED}{judged} == 0\nand on (model, version) sum by (model, version) (max_over_time({FEEDBACK}{accepted}[{memory}])) > 0\nand on (model, version) {made} > 0",
            judged = self.judged(),
            made = self.increase_of("", PREDICTIONS, &model),
        );
        self.held(alert(NO_TRUTH, Severity::Ticket, expression, words))
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 100.0)
}
