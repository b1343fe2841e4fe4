//! How many requests are counted. Of very many a part says as much as all of them, and counting
//! must not be what a busy server does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Values of one version that are counted in a second, on average between two looks: about a
/// thousandth of a core, and more than any statistic needs.
const VALUES: u32 = 100_000;

/// Of a model with very many features, rows.
const LEAST_ROWS: u32 = 100;

/// What comes in a shorter time is no rate yet.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Counts one request of so many.
#[derive(Debug)]
pub(super) struct Pace {
    rows_per_second: f64,
    every: AtomicU32,
}

impl Pace {
    /// All of them at first.
    pub(super) fn new(features: usize) -> Self {
        let features = u32::try_from(features).unwrap_or(u32::MAX).max(1);
        let rows_per_second = f64::from((VALUES / features).max(LEAST_ROWS));
        Self { rows_per_second, every: AtomicU32::new(1) }
    }

    /// Whether a thread counts the request that has this turn there. Not every second, third …
    /// one, since requests may come in turns themselves: fractions of the golden ratio are even
    /// over any stretch.
    pub(super) fn takes(&self, turn: u32) -> bool {
        const GOLDEN: u32 = 0x9e37_79b9;
        let every = self.every.load(Ordering::Relaxed);
        every == 1 || turn.wrapping_mul(GOLDEN) < u32::MAX / every
    }

    /// So many rows were counted since the last look.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
    pub(super) fn adjust(&self, counted: u64, elapsed: Duration) {
        let every = f64::from(self.every.load(Ordering::Relaxed));
        let rate = counted as f64 * every / elapsed.max(LEAST_TIME).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what it holds"
        )]
        let next = (rate / self.rows_per_second).ceil().clamp(1.0, 1e6) as u32;
        self.every.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pace: &Pace, requests: u32) -> u64 {
        (0..requests).filter(|turn| pace.takes(*turn)).count() as u64
    }

    #[test]
    fn what_is_counted_of_a_flood_keeps_to_the_pace() {
        let pace = Pace::new(10);
        let second = Duration::from_secs(1);
        for requests in [9_000u32, 80_000, 80_000, 800_000, 800_000] {
            pace.adjust(counted(&pace, requests), second);
            let next = counted(&pace, requests);
            assert!(next <= 10_100, "{next} of {requests}");
            assert!(next >= 4_900, "{next} of {requests}");
        }
        pace.adjust(counted(&pace, 50), second);
        assert_eq!(counted(&pace, 50), 50, "all of few, once it is over");
    }

    #[test]
    fn requests_that_come_in_turns_are_counted_alike() {
        let pace = Pace::new(10);
        pace.adjust(80_000, Duration::from_secs(1));
        for turns in [2, 4, 8] {
            let of =
                |first: u32| (0..80_000).filter(|t| t % turns == first && pace.takes(*t)).count();
            let expected = 10_000 / turns as usize;
            (0..turns).for_each(|first| assert!(of(first).abs_diff(expected) < expected / 50));
        }
    }
}
