//! Rows that were checked.

use std::sync::Arc;

use prometheus::IntCounter;

use crate::metrics::{PerThread, Registry, Settle};

/// Every request adds to it. One counter of all threads would be a cache line that travels
/// between them, together with what of the contract lies beside it.
pub(super) struct Rows {
    parts: PerThread<Part>,
    counter: Option<IntCounter>,
}

#[derive(Debug, Default)]
struct Part {
    total: u64,
    /// Those of them that the counter does not have yet.
    new: u64,
}

impl Rows {
    /// Without a series.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { parts: PerThread::new(Part::default), counter: None })
    }

    /// They are added to this counter before each look at the metrics.
    pub(super) fn shown_on(counter: IntCounter, registry: &Registry) -> Arc<Self> {
        let parts = PerThread::new(Part::default);
        let rows = Arc::new(Self { parts, counter: Some(counter) });
        registry.settle(&rows);
        rows
    }

    pub(super) fn add(&self, rows: usize) {
        self.parts.with(|part| {
            part.total += rows as u64;
            part.new += rows as u64;
        });
    }

    pub(super) fn total(&self) -> u64 {
        let mut total = 0;
        self.parts.each(|part| total += part.total);
        total
    }
}

impl Settle for Rows {
    fn settle(&self) {
        if let Some(counter) = &self.counter {
            self.parts.each(|part| counter.inc_by(std::mem::take(&mut part.new)));
        }
    }
}

/// What came after the last look at the metrics is not lost with the contract.
impl Drop for Rows {
    fn drop(&mut self) {
        self.settle();
    }
}
