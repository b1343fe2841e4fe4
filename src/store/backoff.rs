//! Waits that grow, and differ between programs that lost the same store.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    step: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, step: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.step = 0;
    }

    /// Half to all of a wait that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.step.min(16)).min(self.longest);
        self.step += 1;
        let random = RandomState::new().hash_one(self.step) % 512;
        whole / 2 + whole / 2 * u32::try_from(random).unwrap_or(0) / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));
        for whole in [2, 4, 8, 16, 30, 30] {
            let wait = backoff.next();
            let whole = Duration::from_secs(whole);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(2));
    }
}
