//! Requests per second of one key: a bucket of tokens, kept as the one time at which it would be
//! full again. So taking one is an exchange of a number, and nobody waits for a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many requests a key may send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    /// Requests at once after a pause.
    pub(super) burst: u32,
}

impl Rate {
    pub(super) const LEAST: f64 = 0.001;
    pub(super) const MOST: f64 = 1e6;
    pub(super) const MAX_BURST: u32 = 1_000_000;

    /// Without a burst that was asked for: what a second brings.
    pub(super) fn new(per_second: f64, burst: Option<u32>) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to MOST")]
        let second = per_second.ceil().clamp(1.0, Self::MOST) as u32;
        Self { per_second, burst: burst.unwrap_or(second) }
    }
}

/// Times are nanoseconds since the bucket was made.
#[derive(Debug)]
pub(super) struct Bucket {
    start: Instant,
    /// Time that brings one token.
    each: u64,
    /// Time that fills the bucket but for one token.
    rest: u64,
    /// When the bucket is full, if nobody takes any more.
    full: AtomicU64,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1e3 to 1e12")]
        let each = (1e9 / rate.per_second.clamp(Rate::LEAST, Rate::MOST)) as u64;
        let rest = each * u64::from(rate.burst.clamp(1, Rate::MAX_BURST) - 1);
        Self { start: Instant::now(), each, rest, full: AtomicU64::new(0) }
    }

    /// Takes a token, or says how long the next one takes.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        self.take_at(now)
    }

    fn take_at(&self, now: u64) -> Result<(), Duration> {
        let mut full = self.full.load(Ordering::Relaxed);
        loop {
            let missing = full.saturating_sub(now);
            if let Some(wait) = missing.checked_sub(self.rest).filter(|wait| *wait > 0) {
                return Err(Duration::from_nanos(wait));
            }
            let next = full.max(now) + self.each;
            match self.full.compare_exchange_weak(full, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => full = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A bucket that is emptied and filled as the definition says, in tokens.
    struct Plain {
        tokens: f64,
        at: u64,
    }

    impl Plain {
        fn take(&mut self, rate: Rate, now: u64) -> f64 {
            let passed = Duration::from_nanos(now - self.at);
            let brought = passed.as_secs_f64() * rate.per_second;
            self.tokens = (self.tokens + brought).min(f64::from(rate.burst));
            self.at = now;
            self.tokens
        }
    }

    proptest! {
        #[test]
        fn it_gives_what_a_bucket_of_tokens_gives(
            per_second in 0.01f64..100_000.0,
            burst in 1u32..50,
            pauses in vec(0u64..2_000_000_000, 1..200),
        ) {
            let rate = Rate { per_second, burst };
            let bucket = Bucket::new(rate);
            let mut plain = Plain { tokens: f64::from(burst), at: 0 };
            let mut now = 0;
            for pause in pauses {
                // As long as a few tokens take.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is between 1 and 100,000"
                )]
                let slower = per_second.max(1.0) as u64;
                now += pause / slower;
                let tokens = plain.take(rate, now);
                // Where roundings decide either answer is right.
                match bucket.take_at(now) {
                    Ok(()) => {
                        prop_assert!(tokens > 0.99, "{tokens} tokens");
                        plain.tokens -= 1.0;
                    }
                    Err(_) => prop_assert!(tokens < 1.01, "{tokens} tokens"),
                }
            }
        }

        #[test]
        fn who_waits_as_told_gets_in_and_not_before(
            per_second in 0.01f64..100_000.0,
            burst in 1u32..50,
        ) {
            let bucket = Bucket::new(Rate { per_second, burst });
            for _ in 0..burst {
                prop_assert_eq!(bucket.take_at(7), Ok(()));
            }
            let wait = bucket.take_at(7).unwrap_err();
            let wait = u64::try_from(wait.as_nanos()).unwrap();
            prop_assert!(bucket.take_at(7 + wait - 1).is_err());
            prop_assert_eq!(bucket.take_at(7 + wait), Ok(()));
        }
    }

    #[test]
    fn threads_together_get_no_more_than_one_would() {
        let bucket = Bucket::new(Rate { per_second: 0.001, burst: 1000 });
        let got = std::thread::scope(|scope| {
            let take = || (0..1000).filter(|_| bucket.take().is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(got, 1000);
    }

    #[test]
    fn a_burst_that_is_not_named_is_what_a_second_brings() {
        assert_eq!(Rate::new(100.0, None).burst, 100);
        assert_eq!(Rate::new(0.2, None).burst, 1);
        assert_eq!(Rate::new(2.5, None).burst, 3);
        assert_eq!(Rate::new(2.5, Some(9)).burst, 9);
    }
}
