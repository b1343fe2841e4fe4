//! What is counted of requests that are refused before they are read.

use prometheus::IntCounterVec;

use super::Refused;
use crate::metrics::Registry;

/// Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    refused: IntCounterVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let refused = registry.counter(
            "onnxd_access_refused_total",
            "Requests refused before they were read, by what they lacked.",
            &["reason"],
        );
        for reason in ["unauthenticated", "forbidden", "rate"] {
            refused.with_label_values(&[reason]);
        }
        Self { refused }
    }

    pub(super) fn count(&self, refused: &Refused) {
        self.refused.with_label_values(&[refused.reason()]).inc();
    }
}
