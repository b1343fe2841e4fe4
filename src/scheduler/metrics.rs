//! What the scheduler counts.

use prometheus::{Histogram, HistogramVec, IntGauge, IntGaugeVec};

use crate::metrics::{ROW_BUCKETS, Registry};

/// Metric families of all queues.
#[derive(Clone)]
pub struct Metrics {
    batch_rows: HistogramVec,
    queue_depth: IntGaugeVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let labels = &["model", "version"];
        Self {
            batch_rows: registry.histogram(
                "onnxd_batch_rows",
                "Rows that ran together in one execution.",
                labels,
                &ROW_BUCKETS,
            ),
            queue_depth: registry.gauge(
                "onnxd_queue_depth",
                "Requests that wait for a worker.",
                labels,
            ),
        }
    }

    #[must_use]
    pub fn of(&self, model: &str, version: &str) -> QueueMetrics {
        QueueMetrics {
            batch_rows: self.batch_rows.with_label_values(&[model, version]),
            queue_depth: self.queue_depth.with_label_values(&[model, version]),
        }
    }

    /// Takes the series of a version that is gone off the page.
    pub fn remove(&self, model: &str, version: &str) {
        // Absent series are what is wanted.
        let _ = self.batch_rows.remove_label_values(&[model, version]);
        let _ = self.queue_depth.remove_label_values(&[model, version]);
    }
}

/// The series of one model version.
#[derive(Clone)]
pub struct QueueMetrics {
    batch_rows: Histogram,
    queue_depth: IntGauge,
}

impl QueueMetrics {
    /// One run; it counts as one row where the model does not count rows.
    pub(super) fn ran(&self, rows: Option<usize>) {
        self.batch_rows.observe(f64::from(u32::try_from(rows.unwrap_or(1)).unwrap_or(u32::MAX)));
    }

    pub(super) fn waiting(&self, jobs: usize) {
        self.queue_depth.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }
}
