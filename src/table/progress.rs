//! How far the reading of a table has come, for whoever draws a bar.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes or rows, as the format knows them; clones see the same reading.
#[derive(Debug, Clone)]
pub struct Progress {
    done: Arc<AtomicU64>,
    total: u64,
}

impl Progress {
    pub(super) fn of(total: u64) -> Self {
        Self { done: Arc::default(), total }
    }

    pub(super) fn add(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// 0 where nobody knows the whole, as of a pipe.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The part that was read, from 0 to 1; `None` without a total.
    #[expect(clippy::cast_precision_loss, reason = "bars are coarse")]
    pub fn fraction(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.done() as f64 / self.total as f64).min(1.0))
    }
}
