//! What happened to a model within a stretch of time: the difference of two samples. Steps that
//! follow each other add up to one, exactly.

use std::collections::BTreeMap;

use super::sample::{Sample, Total};
use crate::registry::{Latencies, Sums};
use crate::repository::Version;
use crate::stats::float;

/// Sums over some seconds, and what was there at their end.
#[derive(Debug, Clone, Default)]
pub struct Step {
    pub seconds: f64,
    /// Requests that ended.
    pub requests: u64,
    pub rows: u64,
    /// Requests that failed although nothing was wrong with them.
    pub failed: u64,
    /// Those of them that the queue turned away.
    pub turned_away: u64,
    /// Values that broke the contract where it is more than observed.
    pub violations: u64,
    /// Requests that were answered, files aside.
    pub(super) answered: u64,
    /// Nanoseconds of those: decode, queue, infer, encode.
    pub(super) stages: [u64; 4],
    pub(super) inferences: u64,
    pub(super) runs: f64,
    pub latencies: Latencies,
    /// Requests by version.
    pub(super) versions: BTreeMap<Version, u64>,
    /// Requests that waited at the end; of steps that were put together, the most.
    pub(super) queue_depth: usize,
    pub(super) memory_bytes: u64,
}

impl Step {
    /// What happened from one sample to the next. A version that `before` does not have, or has
    /// with another beginning, counts from zero.
    pub(super) fn between(before: Option<&Sample>, after: &Sample, seconds: f64) -> Self {
        let mut step = Self {
            seconds,
            queue_depth: after.queue_depth,
            memory_bytes: after.memory_bytes,
            ..Self::default()
        };
        let (none, nothing) = (Sums::default(), Latencies::default());
        for total in &after.versions {
            let before = before.and_then(|before| before.total(total.version, total.since));
            step.add(before.map_or(&none, |before| &before.sums), total);
            let latencies = before.map_or(&nothing, |before| &before.sums.latencies);
            step.latencies.merge(&total.sums.latencies.since(latencies));
            let violations = before.map_or(0, |before| before.violations);
            step.violations += total.violations.saturating_sub(violations);
        }
        step
    }

    fn add(&mut self, before: &Sums, Total { version, sums, .. }: &Total) {
        let requests = sums.ended.saturating_sub(before.ended);
        self.requests += requests;
        self.rows += sums.rows.saturating_sub(before.rows);
        self.failed += sums.failed.saturating_sub(before.failed);
        self.turned_away += sums.turned_away.saturating_sub(before.turned_away);
        let (new, old) = (&sums.totals, &before.totals);
        self.answered += new.success.count.saturating_sub(old.success.count);
        let stages = [
            (new.compute_input, old.compute_input),
            (new.queue, old.queue),
            (new.compute_infer, old.compute_infer),
            (new.compute_output, old.compute_output),
        ];
        for (sum, (new, old)) in self.stages.iter_mut().zip(stages) {
            *sum += new.ns.saturating_sub(old.ns);
        }
        self.inferences += new.inferences.saturating_sub(old.inferences);
        self.runs += (new.runs() - old.runs()).max(0.0);
        if requests > 0 {
            *self.versions.entry(*version).or_default() += requests;
        }
    }

    /// Goes on with what happened after it.
    pub(super) fn merge(&mut self, next: &Self) {
        self.seconds += next.seconds;
        self.requests += next.requests;
        self.rows += next.rows;
        self.failed += next.failed;
        self.turned_away += next.turned_away;
        self.violations += next.violations;
        self.answered += next.answered;
        for (sum, next) in self.stages.iter_mut().zip(next.stages) {
            *sum += next;
        }
        self.inferences += next.inferences;
        self.runs += next.runs;
        self.latencies.merge(&next.latencies);
        for (&version, requests) in &next.versions {
            *self.versions.entry(version).or_default() += requests;
        }
        self.queue_depth = self.queue_depth.max(next.queue_depth);
        self.memory_bytes = next.memory_bytes;
    }

    /// Share of the requests that failed; none if there were none.
    #[must_use]
    pub fn error_share(&self) -> Option<f64> {
        (self.requests > 0).then(|| float(self.failed) / float(self.requests))
    }

    /// So many of them each second.
    #[must_use]
    pub fn rate(&self, of: u64) -> f64 {
        if self.seconds > 0.0 { float(of) / self.seconds } else { 0.0 }
    }

    /// Milliseconds within which this share of the requests was answered.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        self.latencies.quantile(share).map(|seconds| seconds * 1e3)
    }

    /// Mean milliseconds of a stage.
    pub(super) fn stage_ms(&self, stage: usize) -> Option<f64> {
        let ms = float(self.stages[stage]) / 1e6;
        (self.answered > 0).then(|| ms / float(self.answered))
    }

    /// Mean rows that ran together.
    pub(super) fn batch_rows(&self) -> Option<f64> {
        // Shares of runs whose other requests are still under way are no runs.
        (self.runs > 0.01 && self.inferences > 0).then(|| float(self.inferences) / self.runs)
    }
}
