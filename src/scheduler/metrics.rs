//! What the scheduler counts.

use std::sync::Arc;

use prometheus::local::LocalHistogram;
use prometheus::{HistogramVec, IntGauge, IntGaugeVec};

use crate::metrics::{PerThread, ROW_BUCKETS, Registry, Settle};

/// Metric families of all queues.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    batch_rows: HistogramVec,
    queue_depth: IntGaugeVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let labels = &["model", "version"];
        Self {
            registry: registry.clone(),
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
        let batch_rows = self.batch_rows.with_label_values(&[model, version]);
        let batch_rows = Arc::new(BatchRows(PerThread::new(|| batch_rows.local())));
        self.registry.settle(&batch_rows);
        let queue_depth = self.queue_depth.with_label_values(&[model, version]);
        QueueMetrics { batch_rows, queue_depth }
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
    batch_rows: Arc<BatchRows>,
    queue_depth: IntGauge,
}

struct BatchRows(PerThread<LocalHistogram>);

impl Settle for BatchRows {
    fn settle(&self) {
        self.0.each(|rows| rows.flush());
    }
}

impl QueueMetrics {
    /// One run; it counts as one row where the model does not count rows.
    pub(super) fn ran(&self, rows: Option<usize>) {
        let rows = f64::from(u32::try_from(rows.unwrap_or(1)).unwrap_or(u32::MAX));
        self.batch_rows.0.with(|batch_rows| batch_rows.observe(rows));
    }

    pub(super) fn waiting(&self, jobs: usize) {
        self.queue_depth.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }
}
