//! How a version has been doing since it began to serve: what decides whether a fresh one
//! is taken back.

use std::time::Duration;

use super::labels::Outcome;
use super::latencies::Latencies;
use crate::repository::Rollback;

/// How requests ended.
#[derive(Clone, Default)]
pub(super) struct Health {
    answered: u64,
    pub(super) failed: u64,
    /// Those of them that found a full queue, or would have been late.
    pub(super) turned_away: u64,
    /// Of those that were answered.
    pub(super) latencies: Latencies,
}

impl Health {
    /// Adds one request. What is the caller's fault or choice says nothing about a version.
    pub(super) fn add(&mut self, outcome: Outcome, took: Duration) {
        match outcome {
            Outcome::Ok => {
                self.answered += 1;
                self.latencies.add(took);
            }
            Outcome::Failed | Outcome::DeadlineExceeded => self.failed += 1,
            Outcome::Overloaded => {
                self.failed += 1;
                self.turned_away += 1;
            }
            Outcome::Invalid | Outcome::NotFound | Outcome::Unavailable | Outcome::Cancelled => {}
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.turned_away += other.turned_away;
        self.latencies.merge(&other.latencies);
    }

    /// Which limit has been broken within this time, in words.
    pub(super) fn broken(&self, limits: &Rollback, within: Duration) -> Option<String> {
        let Self { answered, failed, .. } = *self;
        let requests = answered + failed;
        if requests == 0 || requests < limits.min_requests {
            return None;
        }
        let seconds = within.as_secs();
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
        let p99 = self.latencies.at_least(answered - answered / 100)?;
        (p99 > limit).then(|| {
            format!(
                "the 99th percentile of {answered} requests is above {:.3} ms within {seconds} s, {:.3} ms are allowed",
                p99.as_secs_f64() * 1e3,
                limit.as_secs_f64() * 1e3
            )
        })
    }
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
        let mut health = Health::default();
        (0..answered).for_each(|_| health.add(Outcome::Ok, took));
        (0..failed).for_each(|_| health.add(Outcome::Failed, took));
        health
    }

    #[test]
    fn too_few_requests_prove_nothing() {
        assert_eq!(health(0, Duration::ZERO, 9).broken(&limits(), Duration::from_secs(1)), None);
    }

    #[test]
    fn failures_above_the_allowed_share_break_the_limit_and_those_of_callers_do_not() {
        let quick = Duration::from_millis(1);
        assert_eq!(health(90, quick, 10).broken(&limits(), Duration::from_secs(1)), None);
        let broken = health(80, quick, 20).broken(&limits(), Duration::from_secs(1)).unwrap();
        assert!(broken.starts_with("20 of 100 requests failed"), "{broken}");
        let mut health = health(90, quick, 10);
        (0..100).for_each(|_| health.add(Outcome::Invalid, quick));
        assert_eq!(health.broken(&limits(), Duration::from_secs(1)), None);
    }

    #[test]
    fn one_slow_request_in_a_hundred_is_allowed_and_two_are_not() {
        let mut health = health(198, Duration::from_millis(1), 0);
        health.add(Outcome::Ok, Duration::from_millis(30));
        health.add(Outcome::Ok, Duration::from_millis(30));
        assert_eq!(health.broken(&limits(), Duration::from_secs(1)), None);
        (0..3).for_each(|_| health.add(Outcome::Ok, Duration::from_millis(30)));
        let broken = health.broken(&limits(), Duration::from_secs(1)).unwrap();
        assert!(broken.contains("99th percentile of 203 requests"), "{broken}");
    }
}
