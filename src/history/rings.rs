//! Points of one model: an hour of fine ones, a week of coarse ones.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::COARSE;
use super::point::{Counts, Point, known};
use super::ring::{Ring, Span};
use super::step::Step;
use crate::repository::Version;

/// Versions of a series: those that were asked most, so that an answer cannot grow with swaps.
const VERSIONS: usize = 20;

#[derive(Debug)]
pub(super) struct Rings {
    fine: Ring<Point>,
    coarse: Ring<Point>,
    /// What fills up.
    open: Option<Open>,
}

/// A coarse step that is not over.
#[derive(Debug, Clone)]
struct Open {
    /// Its number since 1970.
    slot: u64,
    until: Duration,
    step: Step,
}

/// Points side by side, oldest first: all lists are as long as `at`. Rates are of each second,
/// times of requests that were answered; what is not known is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    pub step_seconds: u64,
    /// The ends of the steps, in seconds since 1970.
    pub at: Vec<f64>,
    pub requests_per_second: Vec<f32>,
    pub rows_per_second: Vec<f32>,
    /// Requests that failed although nothing was wrong with them.
    pub errors_per_second: Vec<f32>,
    /// Of each step for itself, with linear interpolation inside of buckets of 9 %.
    pub p50_ms: Vec<Option<f32>>,
    pub p99_ms: Vec<Option<f32>>,
    pub stages_ms: Stages,
    pub batch_rows: Vec<Option<f32>>,
    pub queue_depth: Vec<f32>,
    pub memory_bytes: Vec<f32>,
    /// Requests of each second by version, of those that were asked.
    pub versions: BTreeMap<Version, Vec<f32>>,
    /// Requests of the whole span between the buckets of metrics.
    #[serde(skip)]
    pub latencies: Counts,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Stages {
    pub decode: Vec<Option<f32>>,
    pub queue: Vec<Option<f32>>,
    pub infer: Vec<Option<f32>>,
    pub encode: Vec<Option<f32>>,
}

impl Rings {
    pub(super) fn new() -> Self {
        Self { fine: Ring::new(Span::Hour), coarse: Ring::new(Span::Week), open: None }
    }

    /// Adds what happened until `at`, which is time since 1970.
    pub(super) fn push(&mut self, at: Duration, step: &Step) {
        self.fine.push(at, Point::of(step));
        let slot = slot(at);
        match &mut self.open {
            Some(open) if open.slot == slot => {
                open.step.merge(step);
                open.until = at;
            }
            open => {
                let new = Open { slot, until: at, step: step.clone() };
                if let Some(over) = open.replace(new) {
                    self.coarse.push(over.until, Point::of(&over.step));
                }
            }
        }
    }

    /// Lets go of what is too old. Whether anything is left.
    pub(super) fn forget(&mut self, now: Duration) -> bool {
        self.fine.forget(now);
        self.coarse.forget(now);
        let is_old = |open: &Open| open.until + Span::Week.length() < now;
        if self.open.as_ref().is_some_and(is_old) {
            self.open = None;
        }
        self.open.is_some() || self.coarse.len() > 0 || self.fine.len() > 0
    }

    /// When something was added for the last time.
    pub(super) fn last(&self) -> Option<Duration> {
        self.fine.last().max(self.coarse.last()).max(self.open.as_ref().map(|open| open.until))
    }

    /// Requests of each second of the last fine points, oldest first.
    pub(super) fn recent(&self, now: Duration, most: usize) -> Vec<f32> {
        let last = self.fine.until(now).rev().take(most);
        let mut recent: Vec<f32> = last.map(|(_, point)| point.requests_per_second).collect();
        recent.reverse();
        recent
    }

    /// All of a span, and at its end what is not over: `rest` is what happened after the last
    /// point, if that is long enough to say something.
    pub(super) fn series(&self, span: Span, now: Duration, rest: Option<&Step>) -> Series {
        let (ring, end) = match span {
            Span::Hour => (&self.fine, rest.map(|rest| (now, Point::of(rest)))),
            Span::Week => (&self.coarse, self.end(now, rest)),
        };
        let kept = ring.until(now).map(|(at, point)| (*at, point));
        // Where the clock was set back, times rise again with the next point.
        let end = end.as_ref().filter(|(at, _)| ring.last().is_none_or(|last| last < *at));
        Series::of(span, kept.chain(end.map(|(at, point)| (*at, point))).collect())
    }

    /// The coarse step that fills up, as far as it is.
    fn end(&self, now: Duration, rest: Option<&Step>) -> Option<(Duration, Point)> {
        let oldest = now.saturating_sub(Span::Week.length());
        let open = self.open.as_ref().filter(|open| open.until >= oldest);
        let Some((open, rest)) = open.zip(rest) else {
            let until = open.map(|open| (open.until, Point::of(&open.step)));
            return until.or_else(|| rest.map(|rest| (now, Point::of(rest))));
        };
        let mut step = open.step.clone();
        step.merge(rest);
        Some((now, Point::of(&step)))
    }
}

fn slot(at: Duration) -> u64 {
    at.as_secs() / COARSE.as_secs()
}

impl Series {
    fn of(span: Span, points: Vec<(Duration, &Point)>) -> Self {
        let all = |of: fn(&Point) -> f32| points.iter().map(|(_, point)| of(point)).collect();
        let maybe = |of: &dyn Fn(&Point) -> f32| {
            points.iter().map(|(_, point)| known(of(point))).collect::<Vec<_>>()
        };
        let mut latencies = Counts::default();
        for (_, point) in &points {
            point.add_latencies(&mut latencies);
        }
        Self {
            step_seconds: span.step().as_secs(),
            at: points.iter().map(|(at, _)| at.as_secs_f64()).collect(),
            requests_per_second: all(|point| point.requests_per_second),
            rows_per_second: all(|point| point.rows_per_second),
            errors_per_second: all(|point| point.errors_per_second),
            p50_ms: maybe(&|point| point.p50_ms),
            p99_ms: maybe(&|point| point.p99_ms),
            stages_ms: Stages {
                decode: maybe(&|point| point.stages_ms[0]),
                queue: maybe(&|point| point.stages_ms[1]),
                infer: maybe(&|point| point.stages_ms[2]),
                encode: maybe(&|point| point.stages_ms[3]),
            },
            batch_rows: maybe(&|point| point.batch_rows),
            queue_depth: all(|point| point.queue_depth),
            memory_bytes: all(|point| point.memory_bytes),
            versions: versions(&points),
            latencies,
        }
    }
}

fn versions(points: &[(Duration, &Point)]) -> BTreeMap<Version, Vec<f32>> {
    let mut sums: BTreeMap<Version, f32> = BTreeMap::new();
    for (version, rate) in points.iter().flat_map(|(_, point)| point.versions.iter()) {
        *sums.entry(*version).or_default() += rate;
    }
    let mut most: Vec<(Version, f32)> = sums.into_iter().collect();
    most.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    let most: BTreeSet<Version> = most.into_iter().take(VERSIONS).map(|(v, _)| v).collect();
    let rate = |point: &Point, version: Version| {
        point.versions.iter().find(|(of, _)| *of == version).map_or(0.0, |(_, rate)| *rate)
    };
    let of = |version| points.iter().map(|(_, point)| rate(point, version)).collect();
    most.into_iter().map(|version| (version, of(version))).collect()
}

#[cfg(test)]
mod tests;
