//! How long requests took, in steps that are fine enough to read percentiles from.

use std::time::Duration;

/// Steps of an eighth of an octave (9 %), from 1 µs to 268 s.
const STEPS_PER_OCTAVE: u32 = 8;
const BUCKETS: usize = 28 * STEPS_PER_OCTAVE as usize;

/// Numbers of requests by their time. What took less than 1 µs counts as that, what took more
/// than 268 s as that.
///
/// The numbers wrap: whoever looks now and then takes differences, which hold for years of
/// counting as long as fewer than four thousand million requests lie between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies([u32; BUCKETS]);

impl Default for Latencies {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        let count = &mut self.0[bucket(took)];
        *count = count.wrapping_add(1);
    }

    pub fn merge(&mut self, other: &Self) {
        for (count, other) in self.0.iter_mut().zip(&other.0) {
            *count = count.wrapping_add(*other);
        }
    }

    /// What was added after `before`, which is an earlier state of the same.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut new = self.clone();
        for (count, before) in new.0.iter_mut().zip(&before.0) {
            *count = count.wrapping_sub(*before);
        }
        new
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }

    /// What the request of this rank took at least; ranks begin at 1.
    pub(super) fn at_least(&self, rank: u64) -> Option<Duration> {
        let mut seen = 0;
        let found = self.counted().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map(|(bucket, _)| Duration::from_secs_f64(edge(bucket)))
    }

    /// The time in seconds within which this share of the requests ended; none if there were none.
    ///
    /// Inside of a bucket requests are taken to lie evenly (linear interpolation), so what comes
    /// out is off by less than the width of a bucket: 9 %.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rank needs no more than 53 bits")]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share.clamp(0.0, 1.0) * self.total() as f64;
        let (mut seen, mut last) = (0.0, None);
        for (bucket, count) in self.counted() {
            let count = count as f64;
            let (from, to) = (edge(bucket), edge(bucket + 1));
            last = Some(to);
            if seen + count >= rank {
                return Some(from + (to - from) * (rank - seen) / count);
            }
            seen += count;
        }
        last
    }

    /// The same requests between other bounds, which are in seconds and rise: one number more than
    /// there are bounds. A bucket that a bound cuts is divided as if its requests lay evenly in
    /// it; the sum is exact.
    #[must_use]
    pub fn between(&self, bounds: &[f64]) -> Vec<u64> {
        let mut before = 0;
        let mut counts: Vec<u64> = Vec::with_capacity(bounds.len() + 1);
        for bound in bounds {
            let until = self.below(*bound).max(before);
            counts.push(until - before);
            before = until;
        }
        counts.push(self.total() - before);
        counts
    }

    /// Requests that took less than this.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of requests are below 2^53, and positive"
    )]
    fn below(&self, bound: f64) -> u64 {
        let parts = self.counted().map(|(bucket, count)| {
            let (from, to) = (edge(bucket), edge(bucket + 1));
            count as f64 * ((bound - from) / (to - from)).clamp(0.0, 1.0)
        });
        parts.sum::<f64>().round() as u64
    }

    /// Buckets that have something in them.
    fn counted(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.0.iter().map(|&count| u64::from(count));
        counts.enumerate().filter(|(_, count)| *count > 0)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn bucket(took: Duration) -> usize {
    let micros = (took.as_secs_f64() * 1e6).max(1.0);
    let step = micros.log2() * f64::from(STEPS_PER_OCTAVE);
    (step as usize).min(BUCKETS - 1)
}

/// Where a bucket begins and the one before it ends, in seconds.
fn edge(bucket: usize) -> f64 {
    let step = f64::from(u32::try_from(bucket).unwrap_or(u32::MAX)) / f64::from(STEPS_PER_OCTAVE);
    step.exp2() / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        micros.into_iter().for_each(|micros| latencies.add(Duration::from_micros(micros)));
        latencies
    }

    #[test]
    fn a_bucket_is_never_slower_than_what_is_in_it() {
        for micros in [1u64, 2, 3, 10, 99, 1000, 12_345, 999_999, 60_000_000] {
            let took = Duration::from_micros(micros);
            let bound = of([micros]).at_least(1).unwrap();
            assert!(bound <= took + Duration::from_nanos(1), "{took:?} {bound:?}");
            assert!(bound.mul_f64(1.1) > took, "{took:?} {bound:?}");
        }
    }

    #[test]
    fn without_requests_there_is_no_quantile_and_nothing_between_bounds() {
        assert_eq!(Latencies::default().quantile(0.5), None);
        assert_eq!(Latencies::default().between(&[0.1, 1.0]), [0, 0, 0]);
    }

    #[test]
    fn a_median_lies_in_the_middle_of_what_lies_evenly() {
        let median = of(1000..3000).quantile(0.5).unwrap();
        assert!((median / 2e-3 - 1.0).abs() < 0.01, "{median}");
    }

    #[test]
    fn differences_hold_where_numbers_wrap() {
        let mut before = Latencies::default();
        before.0[3] = u32::MAX - 1;
        let mut after = before.clone();
        after.0[3] = after.0[3].wrapping_add(5);
        assert_eq!(after.since(&before).total(), 5);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_bucket_of_the_truth(
            mut micros in prop::collection::vec(1u64..10_000_000, 1..200),
            share in 0.01f64..1.0,
        ) {
            let found = of(micros.iter().copied()).quantile(share).unwrap() * 1e6;
            micros.sort_unstable();
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let rank = (share * micros.len() as f64).ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
            let exact = micros[(rank as usize).clamp(1, micros.len()) - 1];
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let ratio = found / exact as f64;
            prop_assert!((1.0 / 1.1..=1.1).contains(&ratio), "{found} for {exact}");
        }

        #[test]
        fn between_bounds_nobody_is_lost(
            micros in prop::collection::vec(1u64..20_000_000, 0..200),
        ) {
            let latencies = of(micros.iter().copied());
            let counts = latencies.between(&crate::metrics::LATENCY_BUCKETS);
            prop_assert_eq!(counts.len(), crate::metrics::LATENCY_BUCKETS.len() + 1);
            prop_assert_eq!(counts.iter().sum::<u64>(), micros.len() as u64);
        }
    }
}
