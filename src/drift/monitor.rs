//! Watches the data of one model version: threads count, a tick judges.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use super::history::{History, Moment, Span};
use super::pace::Pace;
use super::reference::{Reference, Watched};
use super::report::{self, Report, SpanScores, Window};
use super::score::Scores;
use super::settings::Settings;
use super::tally::Tally;
use super::verdict::{Judge, State};
use crate::features::Role;
use crate::metrics::PerThread;
use crate::stats::counts::Alpha;
use crate::tensor::Tensor;

/// The data of one version against its reference.
pub struct Monitor {
    reference: Reference,
    settings: Settings,
    alpha: Alpha,
    parts: PerThread<Part>,
    pace: Pace,
    judged: Mutex<Judged>,
    report: ArcSwap<Report>,
}

/// What a thread counts.
#[derive(Default)]
struct Part {
    /// Requests it had.
    turn: u32,
    /// None of a thread that never served: they may be many.
    tally: Option<Tally>,
}

/// What outlives the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
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
    /// All that threads had counted at the last look.
    taken: Tally,
    memory: Memory,
    looked: Moment,
    /// Rows that had been counted then.
    counted: u64,
}

impl Monitor {
    /// Goes on with what was remembered, if it is of the same bins.
    #[must_use]
    pub fn new(
        reference: Reference,
        settings: Settings,
        memory: Option<Memory>,
        now: Moment,
    ) -> Self {
        let memory = memory.filter(|memory| memory.fits(&reference));
        let memory = memory.unwrap_or_else(|| Memory::new(&reference, now));
        let judged = Judged { taken: Tally::new(&reference), memory, looked: now, counted: 0 };
        let report = judged.remembered(&reference, &settings, now);
        Self {
            alpha: settings.alpha(&reference),
            parts: PerThread::new(Part::default),
            pace: Pace::new(reference.watched.len()),
            judged: Mutex::new(judged),
            report: ArcSwap::from_pointee(report),
            reference,
            settings,
        }
    }

    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts the inputs of a request, in the order of the signature, or only their rows: of very
    /// many requests a part is counted. Whether this one's values were.
    pub fn inputs(&self, inputs: &[Tensor]) -> bool {
        self.parts.with(|part| {
            part.turn = part.turn.wrapping_add(1);
            let tally = part.tally.get_or_insert_with(|| Tally::new(&self.reference));
            let taken = self.pace.takes(part.turn);
            if taken {
                tally.observe_inputs(&self.reference, inputs);
            } else {
                tally.pass_over(&self.reference, inputs);
            }
            taken
        })
    }

    /// Counts what the model answered to inputs that were counted.
    pub fn predictions(&self, outputs: &[Tensor]) {
        self.parts.with(|part| {
            let tally = part.tally.get_or_insert_with(|| Tally::new(&self.reference));
            tally.observe_predictions(&self.reference, outputs);
        });
    }

    /// What was found at the last look.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        self.report.load_full()
    }

    /// All that was counted since this process began.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::new(&self.reference);
        self.parts.each(|part| part.tally.iter().for_each(|tally| total.add(tally)));
        total
    }

    /// Rows that were seen since this process began, and those of them that were counted.
    #[must_use]
    pub fn rows(&self) -> [u64; 2] {
        let mut rows = [0, 0];
        self.parts.each(|part| {
            if let Some(tally) = &part.tally {
                rows[0] += tally.rows;
                rows[1] += tally.counted;
            }
        });
        rows
    }

    /// Counts of a window that ends now, to be added to those of other replicas.
    #[must_use]
    pub fn window(&self, span: Span, now: Moment) -> Tally {
        let mut judged = self.lock();
        judged.take(&self.total(), &self.settings, now);
        judged.memory.history.window(span, self.settings.window, now)
    }

    /// What to remember beyond the process.
    #[must_use]
    pub fn memory(&self, now: Moment) -> Memory {
        let mut judged = self.lock();
        judged.take(&self.total(), &self.settings, now);
        judged.memory.clone()
    }

    /// Looks at the windows if it is time to. Whether it did.
    pub fn tick(&self, now: Moment) -> bool {
        let mut judged = self.lock();
        let elapsed = now.checked_sub(judged.looked);
        if elapsed.is_some_and(|elapsed| elapsed < self.settings.pause()) {
            return false;
        }
        judged.looked = now;
        judged.take(&self.total(), &self.settings, now);
        let counted = judged.taken.counted;
        let before = std::mem::replace(&mut judged.counted, counted);
        self.pace.adjust(counted - before, elapsed.unwrap_or_default());
        let report = judged.look(self, now);
        self.report.store(Arc::new(report));
        true
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
    /// Moves what threads have counted meanwhile into the history.
    fn take(&mut self, total: &Tally, settings: &Settings, now: Moment) {
        let counted = total.since(&self.taken);
        self.taken.clone_from(total);
        self.memory.history.add(&counted, settings.window, now);
    }

    fn seen(&self, settings: &Settings, now: Moment) -> [Seen; 2] {
        Span::ALL.map(|span| {
            let history = &self.memory.history;
            let tally = history.window(span, settings.window, now);
            let window = Window {
                seconds: span.length(settings.window).as_secs_f64(),
                full: history.covers(span, settings.window, now),
                rows: tally.rows,
                counted_rows: tally.counted,
            };
            Seen { span, window, tally }
        })
    }

    /// Judges every feature anew.
    fn look(&mut self, monitor: &Monitor, now: Moment) -> Report {
        let seen = self.seen(&monitor.settings, now);
        let watched = monitor.reference.watched.iter().zip(&mut self.memory.features).enumerate();
        let features = watched.map(|(place, (watched, memory))| {
            let score = |seen: &Seen| {
                let tally = seen.window.full.then_some(&seen.tally)?;
                Some((seen.span, Scores::of(watched, place, tally, monitor.alpha)?))
            };
            let scores: SpanScores = seen.iter().filter_map(score).collect();
            memory.look(watched, &scores, monitor.settings.window, now);
            memory.report(watched, scores)
        });
        let features = features.collect();
        report(&monitor.reference, &seen, features)
    }

    /// What is known before the first look.
    fn remembered(&self, reference: &Reference, settings: &Settings, now: Moment) -> Report {
        let watched = reference.watched.iter().zip(&self.memory.features);
        let features =
            watched.map(|(watched, memory)| memory.report(watched, SpanScores::default()));
        report(reference, &self.seen(settings, now), features.collect())
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

    fn look(&mut self, watched: &Watched, found: &SpanScores, window: Duration, now: Moment) {
        let looks = Span::ALL.iter().zip(&mut self.judges);
        let states = looks.map(|(span, judge)| {
            judge.look(&watched.profile, span.length(window), found.get(*span))
        });
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
