//! When a model was last asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A moment that moves.
pub struct Asked {
    start: Instant,
    /// Milliseconds after `start`.
    last: AtomicU64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Asked {
    /// Of requests at the same time, any may be the last.
    pub fn at(&self, moment: Instant) {
        let since = moment.saturating_duration_since(self.start);
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        // Whoever writes takes the line away from all other cores.
        if self.last.load(Ordering::Relaxed) < millis {
            self.last.store(millis, Ordering::Relaxed);
        }
    }

    /// By the wall's clock as it is now; `None` if nobody ever asked.
    pub(super) fn last(&self) -> Option<SystemTime> {
        let ever = self.last.load(Ordering::Relaxed) > 0;
        ever.then(|| SystemTime::now().checked_sub(self.ago())).flatten()
    }

    pub(super) fn ago(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }
}
