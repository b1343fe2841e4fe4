//! How far features were from their reference over time: the scores of requests in the short
//! window, as the last look at them had found them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use half::f16;

use super::COARSE;
use super::ring::{Ring, Span};
use crate::drift::{self, Report, Scores};
use crate::repository::Version;

/// Series of all models together. One takes about 8 KB once a week is full.
pub(super) const MOST: usize = 5000;

/// The scores of one feature over time; all lists are equally long, and times rise.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftSeries {
    pub step: Duration,
    /// Seconds since 1970.
    pub at: Vec<f64>,
    pub psi: Vec<Option<f32>>,
    /// What it is on average where nothing has drifted.
    pub expected: Vec<Option<f32>>,
    /// What it exceeds by chance as seldom as the budget of false alarms allows.
    pub critical: Vec<Option<f32>>,
}

/// Psi, expected, critical. 16 bits are a digit more than a plot shows, and these series are the
/// most of what history takes. NaN where too little was seen.
type Figures = [f16; 3];

/// All series of a server.
#[derive(Debug)]
pub(super) struct Drifts {
    most: usize,
    versions: BTreeMap<(String, Version), Block>,
    /// Something was left out, and that was said.
    told: bool,
}

/// The features of one version.
#[derive(Debug)]
struct Block {
    /// Scores against another one cannot be compared.
    reference: String,
    /// Places of features in the rows.
    places: HashMap<String, usize>,
    features: usize,
    fine: Ring<Box<[Figures]>>,
    coarse: Ring<Box<[Figures]>>,
    open: Option<Open>,
    /// When it was last looked at.
    last: Duration,
}

/// A coarse step that is not over: its point is the mean of what is known.
#[derive(Debug)]
struct Open {
    slot: u64,
    until: Duration,
    sums: Vec<([f32; 3], u16)>,
}

impl Drifts {
    pub(super) fn new(most: usize) -> Self {
        Self { most, versions: BTreeMap::new(), told: false }
    }

    /// Adds what the last look had found. Returns whether something is left out for the first
    /// time, for lack of room.
    pub(super) fn push(
        &mut self,
        now: Duration,
        (model, version): (&str, Version),
        report: &Report,
    ) -> bool {
        let key = (model.to_owned(), version);
        let fits = |block: &Block| {
            block.reference == report.reference && block.features == report.features.len()
        };
        if !self.versions.get(&key).is_some_and(fits) {
            self.versions.remove(&key);
            if !self.make_room(now, report.features.len()) {
                return !std::mem::replace(&mut self.told, true);
            }
            self.versions.insert(key.clone(), Block::new(report));
        }
        if let Some(block) = self.versions.get_mut(&key) {
            block.push(now, report);
        }
        false
    }

    /// Lets go of what is too old.
    pub(super) fn forget(&mut self, now: Duration) {
        self.versions.retain(|_, block| block.last + Span::Week.length() >= now);
    }

    /// Those of one feature; `current` is what is known now.
    pub(super) fn series(
        &self,
        now: Duration,
        (model, version): (&str, Version),
        feature: &str,
        span: Span,
        current: Option<&Scores>,
    ) -> DriftSeries {
        let block = self.versions.get(&(model.to_owned(), version));
        let found = block.and_then(|block| Some((block, *block.places.get(feature)?)));
        let mut points: Vec<(Duration, Figures)> = Vec::new();
        if let Some((block, place)) = found {
            let ring = if span == Span::Hour { &block.fine } else { &block.coarse };
            points.extend(ring.until(now).map(|(at, row)| (*at, row[place])));
            if span == Span::Week
                && let Some(open) = &block.open
            {
                points.push((open.until, mean(open.sums[place])));
            }
        }
        if current.is_some() && points.last().is_none_or(|(at, _)| *at < now) {
            points.push((now, figures(current).map(f16::from_f32)));
        }
        DriftSeries::of(span, &points)
    }

    /// Whether there is room for so many series more, if need be instead of what was not looked at
    /// for the longest time.
    fn make_room(&mut self, now: Duration, more: usize) -> bool {
        loop {
            let taken: usize = self.versions.values().map(|block| block.features).sum();
            if taken + more <= self.most {
                return true;
            }
            // What serves is looked at every few seconds.
            let idle = self.versions.iter().filter(|(_, block)| block.last + COARSE < now);
            let Some((oldest, _)) = idle.min_by_key(|(_, block)| block.last) else { return false };
            let oldest = oldest.clone();
            self.versions.remove(&oldest);
        }
    }
}

impl Block {
    fn new(report: &Report) -> Self {
        let names = report.features.iter().map(|feature| feature.name.clone());
        Self {
            reference: report.reference.clone(),
            places: names.zip(0..).collect(),
            features: report.features.len(),
            fine: Ring::new(Span::Hour),
            coarse: Ring::new(Span::Week),
            open: None,
            last: Duration::ZERO,
        }
    }

    fn push(&mut self, now: Duration, report: &Report) {
        let mut row = vec![[f32::NAN; 3]; self.features];
        for feature in &report.features {
            if let Some(place) = self.places.get(&feature.name) {
                row[*place] = figures(feature.scores.get(drift::Span::Short));
            }
        }
        self.last = now;
        self.fine.push(now, row.iter().map(|figures| figures.map(f16::from_f32)).collect());
        let slot = now.as_secs() / COARSE.as_secs();
        if self.open.as_ref().is_none_or(|open| open.slot != slot) {
            let sums = vec![([0.0; 3], 0); row.len()];
            if let Some(over) = self.open.replace(Open { slot, until: now, sums }) {
                self.coarse.push(over.until, over.sums.into_iter().map(mean).collect());
            }
        }
        let Some(open) = &mut self.open else { return };
        open.until = now;
        for ((sums, count), figures) in open.sums.iter_mut().zip(row) {
            if !figures[0].is_nan() {
                sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
                *count += 1;
            }
        }
    }
}

fn mean((sums, count): ([f32; 3], u16)) -> Figures {
    sums.map(|sum| f16::from_f32(if count == 0 { f32::NAN } else { sum / f32::from(count) }))
}

#[expect(clippy::cast_possible_truncation, reason = "a plot needs no more digits")]
fn figures(scores: Option<&Scores>) -> [f32; 3] {
    scores.map_or([f32::NAN; 3], |scores| {
        [scores.psi as f32, scores.psi_expected as f32, scores.psi_critical as f32]
    })
}

impl DriftSeries {
    fn of(span: Span, points: &[(Duration, Figures)]) -> Self {
        let figure = |place: usize| {
            let figures = points.iter().map(|(_, figures)| figures[place]);
            figures.map(|figure| (!figure.is_nan()).then(|| figure.to_f32())).collect()
        };
        Self {
            step: span.step(),
            at: points.iter().map(|(at, _)| at.as_secs_f64()).collect(),
            psi: figure(0),
            expected: figure(1),
            critical: figure(2),
        }
    }
}

#[cfg(test)]
mod tests;
