//! A step as it is kept: figures of 32 bits, and small where little happened.

use super::step::Step;
use crate::metrics::LATENCY_BUCKETS;
use crate::repository::Version;
use crate::stats::float;

/// Versions that are told apart in one point: those that were asked most.
const VERSIONS: usize = 8;

/// The figures of a step. What is not known is NaN.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) requests_per_second: f32,
    pub(super) rows_per_second: f32,
    pub(super) errors_per_second: f32,
    pub(super) p50_ms: f32,
    pub(super) p99_ms: f32,
    /// Decode, queue, infer, encode.
    pub(super) stages_ms: [f32; 4],
    pub(super) batch_rows: f32,
    pub(super) queue_depth: f32,
    pub(super) memory_bytes: f32,
    /// Requests each second.
    pub(super) versions: Box<[(Version, f32)]>,
    latencies: Spread,
}

/// Requests by latency, without the empty buckets at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Spread {
    first: u8,
    counts: Box<[u32]>,
}

/// Numbers of requests between [`LATENCY_BUCKETS`]: one more than there are bounds.
pub(super) type Counts = [u64; LATENCY_BUCKETS.len() + 1];

impl Point {
    pub(super) fn of(step: &Step) -> Self {
        let rate = |of: u64| narrow(Some(step.rate(of)));
        let mut versions: Vec<_> = step.versions.iter().map(|(v, n)| (*v, *n)).collect();
        if versions.len() > VERSIONS {
            versions.sort_by_key(|&(version, requests)| (requests, version));
            versions.drain(..versions.len() - VERSIONS);
        }
        Self {
            requests_per_second: rate(step.requests),
            rows_per_second: rate(step.rows),
            errors_per_second: rate(step.failed),
            p50_ms: narrow(step.quantile_ms(0.5)),
            p99_ms: narrow(step.quantile_ms(0.99)),
            stages_ms: [0, 1, 2, 3].map(|stage| narrow(step.stage_ms(stage))),
            batch_rows: narrow(step.batch_rows()),
            queue_depth: narrow(Some(float(step.queue_depth as u64))),
            memory_bytes: narrow(Some(float(step.memory_bytes))),
            versions: versions.into_iter().map(|(version, n)| (version, rate(n))).collect(),
            latencies: Spread::of(&step.latencies.between(&LATENCY_BUCKETS)),
        }
    }

    pub(super) fn add_latencies(&self, to: &mut Counts) {
        let to = to.iter_mut().skip(usize::from(self.latencies.first));
        for (sum, count) in to.zip(&self.latencies.counts) {
            *sum += u64::from(*count);
        }
    }
}

impl Spread {
    fn of(counts: &[u64]) -> Self {
        let first = counts.iter().position(|count| *count > 0);
        let last = counts.iter().rposition(|count| *count > 0);
        let Some((first, last)) = first.zip(last) else { return Self::default() };
        let counts = counts[first..=last].iter();
        let counts = counts.map(|&count| u32::try_from(count).unwrap_or(u32::MAX)).collect();
        Self { first: u8::try_from(first).unwrap_or(u8::MAX), counts }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a plot needs no more digits")]
fn narrow(number: Option<f64>) -> f32 {
    number.map_or(f32::NAN, |number| number as f32)
}

/// What is not known is none.
pub(super) fn known(number: f32) -> Option<f32> {
    (!number.is_nan()).then_some(number)
}
