//! A test of the rules for `promtool test rules`: a day on which nothing happens, one feature
//! that drifts, callers that break the contract and then stay away, and truths that disappoint.
//!
//! It says of all alerts together which fire, so that no other may.

mod quality;

use std::fmt::Write as _;

use super::alerts::{
    CONTRACT, DATA_DRIFT, FEATURE_DRIFT, LAST_REQUEST, MOST_DRIFTED, NOT_COUNTED, PREDICTION_DRIFT,
    ROWS, STALE, Severity, VIOLATIONS,
};
use super::promql::{Selector, duration};
use super::yaml::{self, line};
use super::{Feature, LEAST_SHARE, Rules};
use crate::drift::metrics::BINS;
use crate::drift::verdict::PSI_FLOOR;
use crate::drift::windows::Source;
use crate::stats::float;

/// Steps of a window, those that come before the drift, and all of them: the drift fills a
/// window and is held.
const WINDOW: u32 = 60;
const DRIFT: u32 = 60;
const END: u32 = 130;

/// Rows of a step, or more where the reference has more.
const ROWS_PER_STEP: u64 = 1_000;

/// Callers have broken the contract for long enough.
const BROKEN: u32 = 20;

/// Absence is held for a window.
const ABSENT: u32 = WINDOW + 2;

/// Series of bins that are made up: promtool keeps ten thousand samples of a query, and as many
/// constants as a reference may have fit beside these.
const MOST_BINS: usize = 1_000;

/// An alert as the test expects it.
struct Expected {
    alert: &'static str,
    severity: Severity,
    source: Option<Source>,
    feature: Option<String>,
}

pub(super) fn text(rules: &Rules, rules_file: &str) -> String {
    let step = duration(rules.part(WINDOW));
    let mut text =
        String::from("# Written by `onnxd profile rules`; run it with `promtool test rules`.\n");
    let _ = writeln!(text, "rule_files:\n  - {}", yaml::quoted(rules_file));
    line(&mut text, 0, "evaluation_interval", &step);
    line(&mut text, 0, "tests", "");
    for source in Source::ALL {
        one_feature_drifts(rules, source, &step, &mut text);
    }
    callers_break_the_contract_and_stay_away(rules, &step, &mut text);
    nothing_is_scraped(rules, &step, &mut text);
    quality::rehearsed(rules, &step, &mut text);
    text
}

/// In the rows of this source; in the others all is as ever.
fn one_feature_drifts(rules: &Rules, source: Source, step: &str, text: &mut String) {
    let features = tested(rules.features());
    let drifting = drifting(&features);
    begin(text, step, &format!("one feature drifts, source {}", source.as_str()));
    for (place, feature) in features.iter().enumerate() {
        for of in Source::ALL {
            counts(rules, feature, of, drifting == Some(place) && of == source, text);
        }
    }
    let version = rules.of_version();
    series(text, &format!("{ROWS}{version}"), &format!("0+{ROWS_PER_STEP}x{END}"));
    let seconds = rules.part(WINDOW).as_secs_f64();
    series(text, &format!("{LAST_REQUEST}{version}"), &format!("0+{seconds}x{END}"));
    quality::good(rules, END, text);
    // What is only observed wakes nobody.
    let observed = version.with("feature", "x").with("code", "nan").with("action", "observe");
    series(text, &format!("{VIOLATIONS}{observed}"), &format!("0+{ROWS_PER_STEP}x{END}"));
    line(text, 4, "promql_expr_test", "");
    firing(rules, DRIFT, &[], text);
    let expected = drifting.map(|place| expected(&features[place], source)).unwrap_or_default();
    firing(rules, END, &expected, text);
}

fn callers_break_the_contract_and_stay_away(rules: &Rules, step: &str, text: &mut String) {
    begin(text, step, "callers break the contract and stay away");
    let version = rules.of_version();
    if let Some(feature) = rules.features().first() {
        let bin = rules.bin(feature, Source::Request, "0");
        series(text, &format!("{BINS}{bin}"), &format!("0x{BROKEN}"));
    }
    series(text, &format!("{ROWS}{version}"), &format!("0+100x{BROKEN}"));
    let long_ago = -rules.stale_after.as_secs_f64() - 1.0;
    series(text, &format!("{LAST_REQUEST}{version}"), &format!("{long_ago}x{BROKEN}"));
    let refused = version.with("feature", "x").with("code", "nan").with("action", "reject");
    series(text, &format!("{VIOLATIONS}{refused}"), &format!("0+20x{BROKEN}"));
    line(text, 4, "promql_expr_test", "");
    let page = |alert, feature| Expected { alert, severity: Severity::Page, source: None, feature };
    let expected = [page(CONTRACT, Some("x".to_owned())), page(STALE, None)];
    firing(rules, BROKEN, &expected, text);
}

fn nothing_is_scraped(rules: &Rules, step: &str, text: &mut String) {
    begin(text, step, "nothing is scraped");
    series(text, "up", &format!("0x{ABSENT}"));
    line(text, 4, "promql_expr_test", "");
    let (severity, source, feature) = (Severity::Ticket, None, None);
    let expected = Expected { alert: NOT_COUNTED, severity, source, feature };
    firing(rules, ABSENT, &[expected], text);
}

impl Rules<'_> {
    fn of_version(&self) -> Selector {
        Selector::default().with("model", self.model).with("version", "1")
    }

    fn bin(&self, feature: &Feature, source: Source, bin: &str) -> Selector {
        let version = self.of_version().with("reference", &self.reference.id);
        let version = version.with("source", source.as_str());
        version.with("feature", feature.name()).with("bin", bin)
    }
}

fn tested(mut features: Vec<Feature>) -> Vec<Feature> {
    let mut bins = 0;
    let fits = |feature: &&Feature| {
        bins += feature.watched.binning.bins();
        bins <= MOST_BINS
    };
    let fitting = features.iter().take_while(fits).count();
    features.truncate(fitting);
    features
}

/// The feature that can drift beyond its limit, an input if there is one.
fn drifting(features: &[Feature]) -> Option<usize> {
    let inputs = features.iter().position(|f| f.role() == "input" && f.can_drift());
    inputs.or_else(|| features.iter().position(Feature::can_drift))
}

fn expected(feature: &Feature, source: Source) -> Vec<Expected> {
    let source = Some(source);
    let alert = |alert, severity, feature| Expected { alert, severity, source, feature };
    let name = Some(feature.name().to_owned());
    if feature.role() == "prediction" {
        return vec![alert(PREDICTION_DRIFT, Severity::Ticket, name)];
    }
    let mut all = vec![alert(FEATURE_DRIFT, Severity::Dashboard, name)];
    // The only one of few features is much of them.
    if feature.weight > MOST_DRIFTED {
        all.push(alert(DATA_DRIFT, Severity::Ticket, None));
    }
    all
}

impl Feature<'_> {
    /// Every step counts the reference so often.
    fn repeats(&self) -> u64 {
        ROWS_PER_STEP.div_ceil(self.values).max(self.least.div_ceil(self.values))
    }

    /// Where all values go when it drifts: where the fewest were.
    fn goal(&self) -> usize {
        let counts = self.watched.profile.counts.iter().enumerate();
        counts.min_by_key(|(_, count)| **count).map_or(0, |(bin, _)| bin)
    }

    fn can_drift(&self) -> bool {
        let goal = self.goal();
        let terms = self.shares().enumerate().map(|(bin, (_, before))| {
            let now: f64 = if bin == goal { 1.0 } else { LEAST_SHARE };
            (now - before) * (now / before).ln()
        });
        let index: f64 = terms.sum();
        let values = float(self.values);
        let noise = 1.0 / (float(self.repeats() * u64::from(WINDOW)) * values) + 1.0 / values;
        let limit = (noise * self.freedom + PSI_FLOOR).max(noise * self.critical);
        index > 1.01 * limit.max(noise * self.freedom + self.usual.unwrap_or(0.0))
    }
}

/// The counters of a feature's bins.
fn counts(rules: &Rules, feature: &Feature, source: Source, drifts: bool, text: &mut String) {
    let (repeats, goal) = (feature.repeats(), feature.goal());
    for (bin, (name, _)) in feature.shares().enumerate() {
        let before = feature.watched.profile.counts[bin] * repeats;
        let after = if bin == goal { feature.values * repeats } else { 0 };
        let values = if drifts {
            let first = before * u64::from(DRIFT) + after;
            format!("0+{before}x{DRIFT} {first}+{after}x{}", END - DRIFT - 1)
        } else {
            format!("0+{before}x{END}")
        };
        series(text, &format!("{BINS}{}", rules.bin(feature, source, &name)), &values);
    }
}

fn begin(text: &mut String, step: &str, name: &str) {
    line(text, 2, "- name", name);
    line(text, 4, "interval", step);
    line(text, 4, "input_series", "");
}

fn series(text: &mut String, series: &str, values: &str) {
    line(text, 6, "- series", &yaml::quoted(series));
    line(text, 8, "values", &yaml::quoted(values));
}

/// After so many steps these fire, and no others.
fn firing(rules: &Rules, steps: u32, expected: &[Expected], text: &mut String) {
    let counted = "count by (alertname, severity, source, feature) (ALERTS{alertstate=\"firing\"})";
    line(text, 6, "- expr", &yaml::quoted(counted));
    line(text, 8, "eval_time", &duration(rules.part(WINDOW) * steps));
    if expected.is_empty() {
        return line(text, 8, "exp_samples", "[]");
    }
    line(text, 8, "exp_samples", "");
    for expected in expected {
        let Expected { alert, severity, source, feature } = expected;
        let mut labels = Selector::default().with("alertname", alert);
        labels = labels.with("severity", severity.as_str());
        if let Some(source) = source {
            labels = labels.with("source", source.as_str());
        }
        if let Some(feature) = feature {
            labels = labels.with("feature", feature);
        }
        line(text, 10, "- labels", &yaml::quoted(&labels.to_string()));
        line(text, 12, "value", "1");
    }
}
