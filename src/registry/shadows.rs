//! Metrics of shadows.

use prometheus::{GaugeVec, IntCounterVec};

use super::labels::ShadowOutcome;
use super::live::LiveModel;
use crate::metrics::Registry;

pub(super) struct ShadowMetrics {
    requests_total: IntCounterVec,
    agreement: GaugeVec,
    mean_absolute_difference: GaugeVec,
    latency_ratio: GaugeVec,
}

impl ShadowMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let version = &["model", "version"];
        Self {
            requests_total: registry.counter(
                "onnxd_shadow_requests_total",
                "Copies of requests for a version that serves as a shadow, by what became of them.",
                &["model", "version", "outcome"],
            ),
            agreement: registry.float_gauge(
                "onnxd_shadow_agreement",
                "Share of rows on which the shadow and the version that answered agree.",
                version,
            ),
            mean_absolute_difference: registry.float_gauge(
                "onnxd_shadow_mean_absolute_difference",
                "Mean absolute difference of all numbers that both answered.",
                version,
            ),
            latency_ratio: registry.float_gauge(
                "onnxd_shadow_latency_ratio",
                "Run time of the shadow over that of the versions that answered.",
                version,
            ),
        }
    }

    pub(super) fn add(&self, shadow: &LiveModel, outcome: ShadowOutcome) {
        let labels = &[shadow.name.as_str(), shadow.version_text.as_str(), outcome.as_str()];
        self.requests_total.with_label_values(labels).inc();
    }

    pub(super) fn refresh(&self, live: &LiveModel) {
        let labels = &[live.name.as_str(), live.version_text.as_str()];
        let comparison = &live.comparison;
        let gauges = [
            (&self.agreement, comparison.agreement()),
            (&self.mean_absolute_difference, comparison.mean_absolute_difference()),
            (&self.latency_ratio, comparison.latency_ratio()),
        ];
        for (gauge, value) in gauges {
            if let Some(value) = value {
                gauge.with_label_values(labels).set(value);
            }
        }
    }

    pub(super) fn remove(&self, model: &str, version: &str) {
        // Absent series are what is wanted.
        for outcome in ShadowOutcome::ALL {
            let _ = self.requests_total.remove_label_values(&[model, version, outcome.as_str()]);
        }
        for gauge in [&self.agreement, &self.mean_absolute_difference, &self.latency_ratio] {
            let _ = gauge.remove_label_values(&[model, version]);
        }
    }
}
