//! What Prometheus sees of contracts.

use std::collections::HashSet;

use prometheus::IntCounterVec;

use super::check::Contract;
use super::rows::Rows;
use crate::metrics::Registry;

pub struct Metrics {
    registry: Registry,
    violations: IntCounterVec,
    rows: IntCounterVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            violations: registry.counter(
                "onnxd_contract_violations_total",
                "Values that break the contract of their model, by what that led to.",
                &["model", "version", "feature", "code", "action"],
            ),
            rows: registry.counter(
                "onnxd_contract_checked_rows_total",
                "Rows that were checked against the contract of their model.",
                &["model", "version"],
            ),
        }
    }

    /// Has the contract count here; everything that can happen starts at nought.
    pub fn attach(&self, model: &str, version: &str, contract: &mut Contract) {
        let rows = self.rows.with_label_values(&[model, version]);
        contract.rows = Rows::shown_on(rows, &self.registry);
        for entry in &mut contract.entries {
            for count in &mut entry.counts {
                let labels = [model, version, &entry.name, count.code.as_str(), count.action];
                count.show_on(self.violations.with_label_values(&labels));
            }
        }
    }

    /// Takes the series of a version off the page.
    pub fn remove(&self, model: &str, version: &str) {
        self.keep_only(model, version, None);
    }

    /// Takes those series of a version off the page that its contract does not have: another
    /// one was in force before.
    pub fn keep_only(&self, model: &str, version: &str, contract: Option<&Contract>) {
        use prometheus::core::Collector;
        if contract.is_none() {
            // Absent series are what is wanted, here and below.
            let _ = self.rows.remove_label_values(&[model, version]);
        }
        let mut kept: HashSet<[&str; 3]> = HashSet::new();
        for entry in contract.iter().flat_map(|contract| &contract.entries) {
            kept.extend(entry.counts.iter().map(|it| [&*entry.name, it.code.as_str(), it.action]));
        }
        for family in self.violations.collect() {
            for metric in family.get_metric() {
                let of = |name: &str| {
                    let pair = metric.get_label().iter().find(|pair| pair.name() == name);
                    pair.map_or("", |pair| pair.value()).to_owned()
                };
                let [feature, code, action] = [of("feature"), of("code"), of("action")];
                let of_version = of("model") == model && of("version") == version;
                if of_version && !kept.contains(&[&*feature, &*code, &*action]) {
                    let labels = [model, version, &feature, &code, &action];
                    let _ = self.violations.remove_label_values(&labels);
                }
            }
        }
    }
}
