//! How a version has been doing since it began to serve: what decides whether a fresh one
//! is taken back.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::labels::Outcome;
use crate::repository::Rollback;

/// Latencies are counted in steps of an eighth of an octave (9 %), from 1 µs to 268 s.
const STEPS_PER_OCTAVE: u32 = 8;
const BUCKETS: usize = 28 * STEPS_PER_OCTAVE as usize;

/// Counts of one version. Requests only add; nobody waits for anybody.
pub struct Health {
    since: Instant,
    answered: AtomicU64,
    failed: AtomicU64,
    latencies: [AtomicU32; BUCKETS],
}

impl Default for Health {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            latencies: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }
}

impl Health {
    /// Adds one request. What is the caller's fault or choice says nothing about a version.
    pub fn add(&self, outcome: Outcome, took: Duration) {
        match outcome {
            Outcome::Ok => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.latencies[bucket(took)].fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Failed | Outcome::DeadlineExceeded | Outcome::Overloaded => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Invalid | Outcome::NotFound | Outcome::Unavailable | Outcome::Cancelled => {}
        }
    }

    /// Which limit the version has broken, in words.
    pub(super) fn broken(&self, limits: &Rollback) -> Option<String> {
        let answered = self.answered.load(Ordering::Relaxed);
        let failed = self.failed.load(Ordering::Relaxed);
        let requests = answered + failed;
        if requests == 0 || requests < limits.min_requests {
            return None;
        }
        let seconds = self.since.elapsed().as_secs();
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let rate = failed as f64 / requests as f64;
        if let Some(allowed) = limits.max_error_rate
            && rate > allowed
        {
            return Some(format!(
                "{failed} of {requests} requests failed within {seconds} s, {allowed} of them may"
            ));
        }
        let limit = limits.max_latency_p99?;
        let p99 = self.at_least(answered - answered / 100)?;
        (p99 > limit).then(|| {
            format!(
                "the 99th percentile of {answered} requests is above {:.3} ms within {seconds} s, {:.3} ms are allowed",
                p99.as_secs_f64() * 1e3,
                limit.as_secs_f64() * 1e3
            )
        })
    }

    /// What the request of this rank took at least; ranks begin at 1.
    fn at_least(&self, rank: u64) -> Option<Duration> {
        let mut seen = 0;
        let buckets = self.latencies.iter().map(|count| u64::from(count.load(Ordering::Relaxed)));
        let found = buckets.enumerate().find(|(_, count)| {
            seen += count;
            *count > 0 && seen >= rank
        });
        found.map(|(bucket, _)| lower_bound(bucket))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn bucket(took: Duration) -> usize {
    let micros = (took.as_secs_f64() * 1e6).max(1.0);
    let step = micros.log2() * f64::from(STEPS_PER_OCTAVE);
    (step as usize).min(BUCKETS - 1)
}

fn lower_bound(bucket: usize) -> Duration {
    let step = f64::from(u32::try_from(bucket).unwrap_or(u32::MAX)) / f64::from(STEPS_PER_OCTAVE);
    Duration::from_secs_f64(step.exp2() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Rollback {
        Rollback {
            min_requests: 10,
            max_error_rate: Some(0.1),
            max_latency_p99: Some(Duration::from_millis(20)),
            ..Rollback::default()
        }
    }

    fn health(answered: u32, took: Duration, failed: u32) -> Health {
        let health = Health::default();
        (0..answered).for_each(|_| health.add(Outcome::Ok, took));
        (0..failed).for_each(|_| health.add(Outcome::Failed, took));
        health
    }

    #[test]
    fn too_few_requests_prove_nothing() {
        assert_eq!(health(0, Duration::ZERO, 9).broken(&limits()), None);
    }

    #[test]
    fn failures_above_the_allowed_share_break_the_limit_and_those_of_callers_do_not() {
        let quick = Duration::from_millis(1);
        assert_eq!(health(90, quick, 10).broken(&limits()), None);
        let broken = health(80, quick, 20).broken(&limits()).unwrap();
        assert!(broken.starts_with("20 of 100 requests failed"), "{broken}");
        let health = health(90, quick, 10);
        (0..100).for_each(|_| health.add(Outcome::Invalid, quick));
        assert_eq!(health.broken(&limits()), None);
    }

    #[test]
    fn one_slow_request_in_a_hundred_is_allowed_and_two_are_not() {
        let health = health(198, Duration::from_millis(1), 0);
        health.add(Outcome::Ok, Duration::from_millis(30));
        health.add(Outcome::Ok, Duration::from_millis(30));
        assert_eq!(health.broken(&limits()), None);
        (0..3).for_each(|_| health.add(Outcome::Ok, Duration::from_millis(30)));
        let broken = health.broken(&limits()).unwrap();
        assert!(broken.contains("99th percentile of 203 requests"), "{broken}");
    }

    #[test]
    fn a_bucket_is_never_slower_than_what_is_in_it() {
        for micros in [1u64, 2, 3, 10, 99, 1000, 12_345, 999_999, 60_000_000] {
            let took = Duration::from_micros(micros);
            let bound = lower_bound(bucket(took));
            assert!(bound <= took + Duration::from_nanos(1), "{took:?} {bound:?}");
            assert!(bound.mul_f64(1.1) > took, "{took:?} {bound:?}");
        }
    }
}
