//! How many connections a listener has, and when there are enough.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::metrics::Registry;

/// What is counted of connections, by listener.
pub struct Metrics {
    open: IntGaugeVec,
    refused: IntCounterVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let labels = &["listener"];
        Self {
            open: registry.gauge("onnxd_connections", "Connections that are open.", labels),
            refused: registry.counter(
                "onnxd_connections_refused_total",
                "Connections closed at once because there were enough.",
                labels,
            ),
        }
    }

    /// Places of a listener for so many connections.
    #[must_use]
    pub fn places(&self, listener: &str, max: usize) -> Places {
        Places(Arc::new(Inner {
            max: i64::try_from(max).unwrap_or(i64::MAX),
            open: self.open.with_label_values(&[listener]),
            refused: self.refused.with_label_values(&[listener]),
        }))
    }
}

/// The places that a listener has.
pub struct Places(Arc<Inner>);

struct Inner {
    max: i64,
    open: IntGauge,
    refused: IntCounter,
}

impl Places {
    /// One place, or none: only the loop that accepts asks, so nobody comes between.
    pub(super) fn take(&self) -> Option<Place> {
        if self.0.open.get() >= self.0.max {
            self.0.refused.inc();
            return None;
        }
        self.0.open.inc();
        Some(Place(Arc::clone(&self.0)))
    }
}

/// Held by a connection.
pub(super) struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let registry = Registry::new();
        let places = Metrics::new(&registry).places("http", 2);
        let (one, _two) = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none());
        drop(one);
        assert!(places.take().is_some());
        let page = String::from_utf8(registry.text()).unwrap();
        assert!(page.contains("onnxd_connections_refused_total{listener=\"http\"} 1\n"), "{page}");
        assert!(page.contains("onnxd_connections{listener=\"http\"} 1\n"), "{page}");
    }
}
