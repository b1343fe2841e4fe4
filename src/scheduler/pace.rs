//! How the machine runs a model now, against what the warm-up measured.

use std::time::Duration;

/// The share of the newest run in the average: it follows a change within some ten runs.
const NEWEST: f64 = 0.1;

/// One hiccup must not close the queue.
const BOUNDS: (f64, f64) = (0.1, 10.0);

/// A moving average of measured over estimated times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace(f64);

impl Default for Pace {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Pace {
    pub(super) fn add(&mut self, estimated: Duration, took: Duration) {
        let ratio = took.as_secs_f64() / estimated.as_secs_f64().max(1e-9);
        self.0 += NEWEST * (ratio.clamp(BOUNDS.0, BOUNDS.1) - self.0);
    }

    /// What a run that the curve says to take so long takes now.
    pub(super) fn of(self, estimated: Duration) -> Duration {
        estimated.mul_f64(self.0)
    }

    pub(super) fn factor(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_what_runs_take() {
        let mut pace = Pace::default();
        let estimated = Duration::from_millis(10);
        for _ in 0..50 {
            pace.add(estimated, estimated * 2);
        }
        assert!((pace.factor() - 2.0).abs() < 0.05);
    }

    #[test]
    fn one_hiccup_moves_it_by_no_more_than_its_share_of_the_bound() {
        let mut pace = Pace::default();
        pace.add(Duration::from_millis(1), Duration::from_secs(100));
        assert!(pace.factor() < 2.0);
    }
}
