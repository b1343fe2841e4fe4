//! What Prometheus records: the constants of the reference, the counts of all replicas, and how
//! far apart the two are.
//!
//! Two rules a feature hold its constants, which cost Prometheus next to nothing; all others are
//! one each, however many features there are.

use super::promql::constants;
use super::yaml::{Kind, Rule};
use super::{Feature, LEAST_SHARE, Rules, quality};
use crate::drift::metrics::BINS;
use crate::drift::verdict::{PSI_FLOOR, RELEASE};
use crate::stats::float;

pub(super) const REFERENCE: &str = "onnxd:feature_bin:reference";
pub(super) const CONSTANT: &str = "onnxd:feature:constant";
pub(super) const INCREASE: &str = "onnxd:feature_bin:increase";
pub(super) const VALUES: &str = "onnxd:feature:values";
pub(super) const PSI: &str = "onnxd:feature:psi";
pub(super) const NOISE: &str = "onnxd:feature:psi_noise";
pub(super) const LIMIT: &str = "onnxd:feature:psi_limit";
pub(super) const DRIFTED: &str = "onnxd:feature:drifted";
pub(super) const SHARE: &str = "onnxd:model:drifted_share";

/// What makes a feature, whatever version of the model has counted it.
const FEATURE: &str = "model, reference, window, feature";

/// In the order in which they need each other.
pub(super) fn rules(rules: &Rules) -> Vec<Rule> {
    let mut all = Vec::new();
    for feature in rules.features() {
        all.push(rules.constant(REFERENCE, &feature, "bin", feature.shares()));
        all.push(rules.constant(CONSTANT, &feature, "is", feature.constants()));
    }
    let record = |name, expression| Rule {
        labels: vec![("window", rules.window())],
        ..record(name, expression)
    };
    all.push(record(INCREASE, rules.increase()));
    all.push(record(VALUES, rules.values()));
    all.push(record(PSI, rules.psi()));
    all.push(record(NOISE, rules.noise()));
    all.push(record(LIMIT, rules.limit()));
    all.push(record(DRIFTED, rules.drifted()));
    all.push(record(SHARE, rules.drifted_share()));
    all.extend(quality::recorded(rules));
    all
}

/// Without labels.
pub(super) fn record(name: &'static str, expression: String) -> Rule {
    let (labels, annotations) = (Vec::new(), Vec::new());
    Rule { kind: Kind::Record, name, expression, hold: None, labels, annotations }
}

impl Feature<'_> {
    fn constants(&self) -> impl Iterator<Item = (String, f64)> {
        let always = [
            ("values", float(self.values)),
            ("least", float(self.least)),
            ("freedom", self.freedom),
            ("critical", self.critical),
            ("weight", self.weight),
        ];
        let usual = self.usual.map(|usual| ("usual", usual));
        always.into_iter().chain(usual).map(|(name, number)| (name.to_owned(), number))
    }
}

impl Rules<'_> {
    fn constant(
        &self,
        name: &'static str,
        feature: &Feature,
        label: &str,
        numbers: impl Iterator<Item = (String, f64)>,
    ) -> Rule {
        let labels = vec![
            ("model", self.model.to_owned()),
            ("reference", self.reference.id.clone()),
            ("window", self.window()),
            ("role", feature.role().to_owned()),
            ("feature", feature.name().to_owned()),
        ];
        Rule { labels, ..record(name, constants(label, numbers)) }
    }

    /// A constant of each feature.
    fn of_feature(&self, constant: &str) -> String {
        format!("{CONSTANT}{}", self.recorded().with("is", constant))
    }

    /// All replicas together: their indices must not be averaged, since that of few values is
    /// mostly noise.
    fn increase(&self) -> String {
        let (counted, window) = (self.counted(), self.window());
        format!(
            "sum by (model, version, reference, source, feature, bin) (\n  increase({BINS}{counted}[{window}])\n)"
        )
    }

    fn values(&self) -> String {
        format!("sum without (bin) ({INCREASE}{})", self.recorded())
    }

    /// Absent where too little was seen. A bin that is empty on both sides adds nothing.
    fn psi(&self) -> String {
        let recorded = self.recorded();
        let least = self.of_feature("least");
        let share = format!(
            "clamp_min(\n    {INCREASE}{recorded} / ignoring (bin) group_left ()\n    ({VALUES}{recorded} >= on ({FEATURE}) group_left () {least}),\n    {LEAST_SHARE}\n  )"
        );
        let reference = format!("on ({FEATURE}, bin) group_left (role)\n  {REFERENCE}{recorded}");
        format!(
            "sum without (bin) (\n  ({share} - {reference})\n  *\n  ln({share} / {reference})\n)"
        )
    }

    /// What both samples being finite adds to the index, for each degree of freedom.
    fn noise(&self) -> String {
        let (recorded, values) = (self.recorded(), self.of_feature("values"));
        format!("1 / ({VALUES}{recorded} > 0)\n+ on ({FEATURE}) group_left (role)\n1 / {values}")
    }

    /// The largest of three: what matters to somebody, what may be chance, and what the
    /// reference itself does over time.
    fn limit(&self) -> String {
        let noise = format!("{NOISE}{} * on ({FEATURE}) group_left ()", self.recorded());
        let named = |what: &str, expression: String| {
            format!("label_replace({expression}, \"limit\", \"{what}\", \"\", \"\")")
        };
        let expected = format!("{noise} {}", self.of_feature("freedom"));
        let floor = named("floor", format!("{expected} + {PSI_FLOOR}"));
        let chance = named("chance", format!("{noise} {}", self.of_feature("critical")));
        let usual = self.of_feature("usual");
        let usual = named("usual", format!("{expected} + on ({FEATURE}) group_left () {usual}"));
        format!("max without (limit) (\n  {floor}\n  or {chance}\n  or {usual}\n)")
    }

    /// Once it is 1 it stays so until the index is well below its limit.
    fn drifted(&self) -> String {
        let recorded = self.recorded();
        let before = format!("({DRIFTED}{recorded} or {LIMIT}{recorded} * 0)");
        let given = 1.0 - RELEASE;
        // Of binary fractions this one has a tail.
        format!("{PSI}{recorded}\n> bool\n{LIMIT}{recorded} * (1 - {given:.3} * {before})")
    }

    /// Features that too little is known of have not drifted.
    fn drifted_share(&self) -> String {
        let inputs = self.recorded().with("role", "input");
        let weight = self.of_feature("weight");
        format!(
            "sum without (feature, role) (\n  {DRIFTED}{inputs} * on ({FEATURE}) group_left () {weight}\n)"
        )
    }
}
