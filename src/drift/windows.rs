//! What rows of one source look like over time: counts of panes, a verdict at each look.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use super::history::{History, Moment, Span};
use super::reference::{Reference, Watched};
use super::report::{self, Report, SpanScores, Window};
use super::score::Scores;
use super::settings::Settings;
use super::tally::Tally;
use super::verdict::{Judge, State};
use crate::features::Role;
use crate::stats::counts::Alpha;

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Requests of a few rows.
    Request,
    /// Files that were predicted as a whole.
    Batch,
}

impl Source {
    pub const ALL: [Self; 2] = [Self::Request, Self::Batch];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Batch => "batch",
        }
    }
}

pub(super) struct Windows {
    judged: Mutex<Judged>,
    report: ArcSwap<Report>,
    source: Source,
}

/// What outlives the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Memory {
    history: History,
    features: Vec<FeatureMemory>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct FeatureMemory {
    judges: [Judge; 2],
    state: State,
    since: Moment,
}

struct Judged {
    /// All that had been counted at the last look.
    taken: Tally,
    memory: Memory,
    looked: Moment,
    /// Rows that had been counted then.
    counted: u64,
}

/// What windows are judged by.
#[derive(Clone, Copy)]
pub(super) struct Standard<'a> {
    pub(super) reference: &'a Reference,
    pub(super) settings: &'a Settings,
    pub(super) alpha: Alpha,
}

/// Rows that were counted since the look before, and how long ago that was.
pub(super) struct Looked {
    pub(super) counted: u64,
    pub(super) elapsed: Duration,
}

impl Windows {
    /// Goes on with what was remembered, if it is of the same bins.
    pub(super) fn new(
        source: Source,
        Standard { reference, settings, .. }: Standard,
        memory: Option<Memory>,
        now: Moment,
    ) -> Self {
        let memory = memory.filter(|memory| memory.fits(reference));
        let memory = memory.unwrap_or_else(|| Memory::new(reference, now));
        let judged = Judged { taken: Tally::new(reference), memory, looked: now, counted: 0 };
        let report = ArcSwap::from_pointee(judged.remembered(source, reference, settings, now));
        Self { judged: Mutex::new(judged), report, source }
    }

    /// What was found at the last look.
    pub(super) fn report(&self) -> Arc<Report> {
        self.report.load_full()
    }

    /// Counts of a window that ends now. `total` is all that was counted so far, of what is taken
    /// only once: so it is asked for here, where nobody else takes.
    pub(super) fn window(
        &self,
        total: impl FnOnce() -> Tally,
        settings: &Settings,
        span: Span,
        now: Moment,
    ) -> Tally {
        let mut judged = self.lock();
        judged.take(total(), settings, now);
        judged.memory.history.window(span, settings.window, now)
    }

    /// What to remember beyond the process.
    pub(super) fn memory(
        &self,
        total: impl FnOnce() -> Tally,
        settings: &Settings,
        now: Moment,
    ) -> Memory {
        let mut judged = self.lock();
        judged.take(total(), settings, now);
        judged.memory.clone()
    }

    /// Looks at the windows if it is time to.
    pub(super) fn look(
        &self,
        total: impl FnOnce() -> Tally,
        standard: Standard,
        now: Moment,
    ) -> Option<Looked> {
        let mut judged = self.lock();
        let elapsed = now.checked_sub(judged.looked);
        if elapsed.is_some_and(|elapsed| elapsed < standard.settings.pause()) {
            return None;
        }
        judged.looked = now;
        judged.take(total(), standard.settings, now);
        let counted = judged.taken.counted;
        let before = std::mem::replace(&mut judged.counted, counted);
        let report = judged.look(self.source, standard, now);
        self.report.store(Arc::new(report));
        Some(Looked { counted: counted - before, elapsed: elapsed.unwrap_or_default() })
    }

    fn lock(&self) -> MutexGuard<'_, Judged> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn new(reference: &Reference, now: Moment) -> Self {
        let feature =
            FeatureMemory { judges: Default::default(), state: State::Insufficient, since: now };
        Self {
            history: History::new(reference, now),
            features: vec![feature; reference.watched.len()],
        }
    }

    fn fits(&self, reference: &Reference) -> bool {
        self.features.len() == reference.watched.len() && self.history.fits(reference)
    }
}

/// What was counted in a window that ends now.
struct Seen {
    span: Span,
    window: Window,
    tally: Tally,
}

impl Judged {
    /// Moves what was counted meanwhile into the history.
    fn take(&mut self, total: Tally, settings: &Settings, now: Moment) {
        let counted = total.since(&self.taken);
        self.taken = total;
        self.memory.history.add(&counted, settings.window, now);
    }

    fn seen(&self, source: Source, settings: &Settings, now: Moment) -> [Seen; 2] {
        Span::ALL.map(|span| {
            let history = &self.memory.history;
            let tally = history.window(span, settings.window, now);
            let window = Window {
                seconds: span.length(settings.window).as_secs_f64(),
                // A file is counted when all of it is there: there is nothing to wait for.
                full: source == Source::Batch || history.covers(span, settings.window, now),
                rows: tally.rows,
                counted_rows: tally.counted,
            };
            Seen { span, window, tally }
        })
    }

    /// Judges every feature anew.
    fn look(&mut self, source: Source, standard: Standard, now: Moment) -> Report {
        let Standard { reference, settings, alpha } = standard;
        let seen = self.seen(source, settings, now);
        let watched = reference.watched.iter().zip(&mut self.memory.features).enumerate();
        let features = watched.map(|(place, (watched, memory))| {
            let score = |seen: &Seen| {
                let tally = seen.window.full.then_some(&seen.tally)?;
                Some((seen.span, Scores::of(watched, place, tally, alpha)?))
            };
            let scores: SpanScores = seen.iter().filter_map(score).collect();
            // The rows of a file may be of any stretch of time.
            let length = |span: Span| match source {
                Source::Request => Some(span.length(settings.window)),
                Source::Batch => None,
            };
            memory.look(watched, &scores, length, now);
            memory.report(watched, scores)
        });
        let features = features.collect();
        report(reference, &seen, features)
    }

    /// What is known before the first look.
    fn remembered(
        &self,
        source: Source,
        reference: &Reference,
        settings: &Settings,
        now: Moment,
    ) -> Report {
        let watched = reference.watched.iter().zip(&self.memory.features);
        let features =
            watched.map(|(watched, memory)| memory.report(watched, SpanScores::default()));
        report(reference, &self.seen(source, settings, now), features.collect())
    }
}

fn report(reference: &Reference, seen: &[Seen], features: Vec<report::Feature>) -> Report {
    let mut report = Report {
        reference: reference.id.clone(),
        reference_rows: reference.rows,
        state: features.iter().map(|f| f.state).max().unwrap_or(State::Insufficient),
        drifted_inputs: drifted(reference, &features, Role::Input),
        drifted_predictions: drifted(reference, &features, Role::Prediction),
        windows: seen.iter().map(|seen| (seen.span, seen.window)).collect(),
        features,
    };
    report.sort();
    report
}

impl FeatureMemory {
    fn report(&self, watched: &Watched, scores: SpanScores) -> report::Feature {
        report::Feature {
            name: watched.feature.name.clone(),
            role: watched.feature.role,
            reading: watched.feature.reading,
            importance: watched.profile.importance,
            state: self.state,
            since: self.since,
            scores,
        }
    }

    fn look(
        &mut self,
        watched: &Watched,
        found: &SpanScores,
        length: impl Fn(Span) -> Option<Duration>,
        now: Moment,
    ) {
        let looks = Span::ALL.iter().zip(&mut self.judges);
        let states = looks
            .map(|(span, judge)| judge.look(&watched.profile, length(*span), found.get(*span)));
        let state = states.max().unwrap_or(State::Insufficient);
        if state != self.state {
            self.state = state;
            self.since = now;
        }
    }
}

/// Share of the features of this side by their weight; predictions are alike.
fn drifted(reference: &Reference, features: &[report::Feature], role: Role) -> f64 {
    let weights = features.iter().zip(&reference.watched);
    let weights = weights.filter(|(feature, _)| feature.role == role).map(|(feature, watched)| {
        let weight = if role == Role::Input { watched.weight } else { 1.0 };
        (weight, feature.state == State::Drifted)
    });
    let sum = |drifted: &dyn Fn(bool) -> bool| {
        weights.clone().filter(|(_, state)| drifted(*state)).map(|(weight, _)| weight).sum::<f64>()
    };
    let all = sum(&|_| true);
    if all > 0.0 { sum(&|drifted| drifted) / all } else { 0.0 }
}
