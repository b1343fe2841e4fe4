//! Who is told of what, and what they should do.
//!
//! Somebody is woken for what breaks answers now; drift is work for a day, and a single feature
//! only a line on a dashboard.

use super::promql::duration;
use super::recording::{DRIFTED, LIMIT, PSI, SHARE};
use super::yaml::{Kind, Rule};
use super::{Rules, quality};
use crate::drift::metrics::BINS;

/// Of the inputs by weight: so much of them drifts only if something happened to all data.
pub(super) const MOST_DRIFTED: f64 = 0.3;

/// Of the rows: fewer are the mistakes of single callers.
const MOST_VIOLATIONS: f64 = 0.01;
const LEAST_VIOLATIONS: u32 = 10;

pub(super) const FEATURE_DRIFT: &str = "OnnxdFeatureDrift";
pub(super) const DATA_DRIFT: &str = "OnnxdDataDrift";
pub(super) const PREDICTION_DRIFT: &str = "OnnxdPredictionDrift";
pub(super) const NOT_COUNTED: &str = "OnnxdDriftNotCounted";
pub(super) const CONTRACT: &str = "OnnxdContractViolations";
pub(super) const STALE: &str = "OnnxdModelNotAsked";

/// What these components call their metrics, which drift knows nothing else of.
pub(super) const VIOLATIONS: &str = "onnxd_contract_violations_total";
pub(super) const ROWS: &str = "onnxd_rows_total";
pub(super) const LAST_REQUEST: &str = "onnxd_last_request_timestamp_seconds";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Wakes somebody.
    Page,
    /// Waits for a working day.
    Ticket,
    /// Is there for who looks.
    Dashboard,
}

impl Severity {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Dashboard => "dashboard",
        }
    }
}

/// By severity, but for those of quality, which stand together.
pub(super) fn rules(rules: &Rules) -> Vec<Rule> {
    let mut all = vec![rules.contract(), rules.stale()];
    all.extend(quality::alerts(rules));
    all.extend([
        rules.prediction_drift(),
        rules.data_drift(),
        rules.not_counted(),
        rules.feature_drift(),
    ]);
    all
}

/// What happened and what to do, in Prometheus' templates: names come from labels, so that they
/// are never read as templates themselves.
pub(super) struct Words {
    pub(super) summary: String,
    pub(super) description: String,
}

pub(super) fn alert(
    name: &'static str,
    severity: Severity,
    expression: String,
    words: Words,
) -> Rule {
    Rule {
        kind: Kind::Alert,
        name,
        expression,
        hold: None,
        labels: vec![("severity", severity.as_str().to_owned())],
        annotations: vec![("summary", words.summary), ("description", words.description)],
    }
}

/// The index and its limit, which only a query can tell.
const FIGURES: &str = "PSI {{ $value | printf \"%.3f\" }}{{ with printf \"LIMIT{model=%q,version=%q,reference=%q,source=%q,window=%q,feature=%q}\" $labels.model $labels.version $labels.reference $labels.source $labels.window $labels.feature | query }}, limit {{ . | first | value | printf \"%.3f\" }}{{ end }}, source {{ $labels.source }}, window {{ $labels.window }}.";

fn figures() -> String {
    FIGURES.replace("LIMIT", LIMIT)
}

impl Rules<'_> {
    /// For as long as something must look drifted.
    pub(super) fn held(&self, rule: Rule) -> Rule {
        Rule { hold: Some(duration(self.hold())), ..rule }
    }

    /// Of a feature: the index where it has drifted.
    fn drifted_psi(&self, role: &str) -> String {
        let recorded = self.recorded().with("role", role);
        format!("{PSI}{recorded}\nand\n{DRIFTED}{recorded} == 1")
    }

    fn feature_drift(&self) -> Rule {
        let words = Words {
            summary: "Feature {{ $labels.feature }} of {{ $labels.model }} version {{ $labels.version }} has drifted".to_owned(),
            description: format!(
                "{} Look at the shares of its bins against the reference; ask the owner of the feature what changed. If the new data is right, make a new profile.",
                figures()
            ),
        };
        let rule = alert(FEATURE_DRIFT, Severity::Dashboard, self.drifted_psi("input"), words);
        self.held(rule)
    }

    fn prediction_drift(&self) -> Rule {
        let words = Words {
            summary: "Prediction {{ $labels.feature }} of {{ $labels.model }} version {{ $labels.version }} has drifted".to_owned(),
            description: format!(
                "{} Compare with the features that have drifted and with the ground truth: the world may have changed, the data may be wrong, or the model may need training.",
                figures()
            ),
        };
        let rule = alert(PREDICTION_DRIFT, Severity::Ticket, self.drifted_psi("prediction"), words);
        self.held(rule)
    }

    fn data_drift(&self) -> Rule {
        let words = Words {
            summary: "The inputs of {{ $labels.model }} version {{ $labels.version }} have drifted".to_owned(),
            description: "{{ $value | humanizePercentage }} of the features by weight have drifted, source {{ $labels.source }}, window {{ $labels.window }}. Something happened to the data as a whole: another population, another source, a broken join. OnnxdFeatureDrift names the features.".to_owned(),
        };
        let expression = format!("{SHARE}{} > {MOST_DRIFTED}", self.recorded());
        let rule = alert(DATA_DRIFT, Severity::Ticket, expression, words);
        self.held(rule)
    }

    /// Rules outlive the profile that they were made of.
    fn not_counted(&self) -> Rule {
        let words = Words {
            summary: "Nobody counts the features of {{ $labels.model }} for reference {{ $labels.reference }}".to_owned(),
            description: "These rules see nothing. Is /metrics/drift scraped? Does the model serve with another profile? Then run onnxd profile rules again and load the new file in place of this one.".to_owned(),
        };
        let expression = format!("absent({BINS}{})", self.counted());
        let rule = alert(NOT_COUNTED, Severity::Ticket, expression, words);
        Rule { hold: Some(self.window()), ..rule }
    }

    /// Each row that is refused was to be answered: it counts beside those that were.
    fn contract(&self) -> Rule {
        let words = Words {
            summary: "Requests to {{ $labels.model }} version {{ $labels.version }} break its contract: {{ $labels.feature }} {{ $labels.code }}".to_owned(),
            description: "{{ $value | humanizePercentage }} of the rows are refused for this. Find the caller that changed what it sends, or roll back what changed; if the contract is wrong, set this feature to observe.".to_owned(),
        };
        let model = self.of_model();
        let window = duration(self.part(6));
        let refused = model.matching("action", "reject|quarantine");
        let violations = format!("increase({VIOLATIONS}{refused}[{window}])");
        let by = "sum by (model, version, feature, code)";
        let expression = format!(
            "{by} ({violations})\n/ on (model, version) group_left ()\n(\n  sum by (model, version) ({violations})\n  + sum by (model, version) (increase({ROWS}{model}[{window}]))\n)\n> {MOST_VIOLATIONS}\nand\n{by} ({violations}) > {LEAST_VIOLATIONS}"
        );
        let rule = alert(CONTRACT, Severity::Page, expression, words);
        Rule { hold: Some(duration(self.part(30))), ..rule }
    }

    /// The last request is remembered for as long again after its server has gone.
    fn stale(&self) -> Rule {
        let words = Words {
            summary: "Nobody asks {{ $labels.model }}".to_owned(),
            description: "The last request came {{ $value | humanizeDuration }} ago. Look at what calls the model and at the way there: its schedule, the gateway, names and certificates.".to_owned(),
        };
        let model = self.of_model();
        let (after, memory) = (self.stale_after.as_secs_f64(), duration(self.stale_after * 2));
        let expression = format!(
            "time() - max by (model) (max_over_time({LAST_REQUEST}{model}[{memory}])) > {after}"
        );
        alert(STALE, Severity::Page, expression, words)
    }

    pub(super) fn of_model(&self) -> super::Selector {
        super::Selector::default().with("model", self.model)
    }
}
