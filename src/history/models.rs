//! All models, as far as there is room: their last samples and their points.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ring::Span;
use super::rings::{Rings, Series};
use super::sample::{Sample, Tail};
use super::step::Step;

/// Models that are remembered.
pub(super) const MOST: usize = 500;

/// Shorter stretches say little: one request would be a rate.
const LEAST_SECONDS: f64 = 1.0;

/// Points that show in a few pixels how a model has been doing.
const RECENT: usize = 30;

/// A moment by two clocks: what is shown goes by the wall's, which may be set; lengths go by one
/// that never is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since 1970.
    pub(super) at: Duration,
    /// Since the server began.
    pub(super) steady: Duration,
}

/// What a sample of one model found.
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) sample: Sample,
    pub(super) tails: Vec<Tail>,
}

pub(super) struct Models {
    most: usize,
    known: BTreeMap<String, Watched>,
    /// When the last sample was taken.
    last: Option<Now>,
    /// Something was left out, and that was said.
    told: bool,
}

struct Watched {
    /// None while the model is not there.
    last: Option<Sample>,
    /// What led to the last sample.
    step: Option<Step>,
    /// Requests that waited at the sample before that.
    depth_before: Option<usize>,
    tails: Vec<Tail>,
    rings: Rings,
}

impl Watched {
    fn new() -> Self {
        Self { last: None, step: None, depth_before: None, tails: Vec::new(), rings: Rings::new() }
    }
}

/// How a model is doing.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    /// What happened since the last sample but one; none while that is too short to say anything.
    pub now: Option<Step>,
    /// Requests of each second of the last points, oldest first.
    pub recent: Vec<f32>,
    /// More requests wait than at the last sample, and more did then than at the one before.
    pub queue_grows: bool,
}

impl Models {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: BTreeMap::new(), last: None, told: false }
    }

    /// The counts that the next sample reads although their versions may have left.
    pub(super) fn all_tails(&self) -> BTreeMap<String, Vec<Tail>> {
        let all = self.known.iter().filter(|(_, watched)| !watched.tails.is_empty());
        all.map(|(name, watched)| (name.clone(), watched.tails.clone())).collect()
    }

    pub(super) fn tails(&self, name: &str) -> &[Tail] {
        self.known.get(name).map_or(&[], |watched| &watched.tails)
    }

    /// Adds what happened since the last time. The first time nothing has happened yet. Returns
    /// whether a model is left out for the first time, for lack of room.
    pub(super) fn push(&mut self, now: Now, all: Vec<Taken>) -> bool {
        let seconds = self.seconds(now);
        // Those that are not in `all` are not there.
        let mut before: BTreeMap<String, Option<Sample>> = BTreeMap::new();
        for (name, watched) in &mut self.known {
            (watched.step, watched.depth_before) = (None, None);
            watched.tails.clear();
            before.insert(name.clone(), watched.last.take());
        }
        let here: BTreeSet<String> = all.iter().map(|taken| taken.name.clone()).collect();
        let mut left_out = false;
        for Taken { name, sample, tails } in all {
            if !self.has_room(&name, &here) {
                left_out = true;
                continue;
            }
            let last = before.remove(&name).flatten();
            // Where some were left out, a new one may have had no room: its past is not known.
            let has_past = !self.told || self.known.contains_key(&name);
            let watched = self.known.entry(name).or_insert_with(Watched::new);
            if let Some(seconds) = seconds.filter(|_| has_past) {
                let step = Step::between(last.as_ref(), &sample, seconds);
                watched.rings.push(now.at, &step);
                watched.step = Some(step);
            }
            watched.depth_before = last.map(|last| last.queue_depth);
            (watched.last, watched.tails) = (Some(sample), tails);
        }
        self.last = Some(now);
        self.known.retain(|_, watched| watched.rings.forget(now.at) || watched.last.is_some());
        left_out && !std::mem::replace(&mut self.told, true)
    }

    /// How a model is doing that has come to `sample` since.
    pub(super) fn glance(&self, now: Now, name: &str, sample: &Sample) -> Glance {
        let watched = self.known.get(name);
        let rest = self.rest(now, name, sample);
        let step = watched.and_then(|watched| watched.step.as_ref());
        let together = step.cloned().zip(rest.as_ref()).map(|(mut step, rest)| {
            step.merge(rest);
            step
        });
        let depths = watched
            .and_then(|watched| Some((watched.depth_before?, watched.last.as_ref()?.queue_depth)));
        let grows = |(before, last): (usize, usize)| before < last && last < sample.queue_depth;
        Glance {
            now: together.or(rest).filter(|step| step.seconds >= LEAST_SECONDS),
            recent: watched.map_or_else(Vec::new, |it| it.rings.recent(now.at, RECENT)),
            queue_grows: depths.is_some_and(grows),
        }
    }

    /// What is kept of a model that has come to `sample` since; none of a model that is not known.
    pub(super) fn series(
        &self,
        now: Now,
        name: &str,
        span: Span,
        sample: Option<&Sample>,
    ) -> Option<Series> {
        let rest = sample.and_then(|sample| self.rest(now, name, sample));
        let rest = rest.filter(|rest| rest.seconds >= LEAST_SECONDS);
        let Some(watched) = self.known.get(name) else {
            sample?;
            return Some(Rings::new().series(span, now.at, rest.as_ref()));
        };
        Some(watched.rings.series(span, now.at, rest.as_ref()))
    }

    /// What happened since the last sample.
    fn rest(&self, now: Now, name: &str, sample: &Sample) -> Option<Step> {
        let seconds = self.seconds(now)?;
        let last = self.known.get(name).and_then(|watched| watched.last.as_ref());
        // A model that is left out has a past that is not known.
        (last.is_some() || self.known.contains_key(name) || !self.told)
            .then(|| Step::between(last, sample, seconds))
    }

    fn seconds(&self, now: Now) -> Option<f64> {
        Some(now.steady.saturating_sub(self.last?.steady).as_secs_f64())
    }

    /// Whether there is room for this model, if need be instead of the one that has been away for
    /// the longest time.
    fn has_room(&mut self, name: &str, here: &BTreeSet<String>) -> bool {
        if self.known.contains_key(name) || self.known.len() < self.most {
            return true;
        }
        let away = self.known.iter().filter(|(name, _)| !here.contains(*name));
        let Some((oldest, _)) = away.min_by_key(|(_, watched)| watched.rings.last()) else {
            return false;
        };
        let oldest = oldest.clone();
        self.known.remove(&oldest);
        true
    }
}

#[cfg(test)]
mod tests;
