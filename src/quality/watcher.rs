//! The predictions of one version and their truths.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feedback::{Fate, Latest, Remembered};
use super::report::Report;
use super::settings::Settings;
use super::tally::{Known, Made, Outcome};
use super::target::{Target, Truth};
use super::token::{ModelId, Origin, Prediction};
use crate::metrics::PerThread;
use crate::tensor::Tensor;

/// Truths that are remembered to tell duplicates: some megabytes when full.
const REMEMBERED_TRUTHS: usize = 100_000;

/// Watches the quality of one version.
pub struct Watcher {
    model: ModelId,
    origin: Origin,
    target: Target,
    settings: Settings,
    made: PerThread<Made>,
    outcomes: Mutex<Outcomes>,
    remembered: Mutex<Remembered>,
    /// That of the next request.
    number: AtomicU64,
}

struct Outcomes {
    known: Known,
    seen: Latest<(u64, usize)>,
}

impl Watcher {
    #[must_use]
    pub(super) fn new(model: &str, origin: Origin, target: Target, settings: &Settings) -> Self {
        let outcomes = Outcomes { known: Known::default(), seen: Latest::new(REMEMBERED_TRUTHS) };
        Self {
            model: ModelId::of(model),
            origin,
            target,
            made: PerThread::new(Made::default),
            outcomes: Mutex::new(outcomes),
            remembered: Mutex::new(Remembered::new(settings.remember)),
            settings: settings.clone(),
            // Replicas and restarts begin at different ones.
            number: AtomicU64::new(RandomState::new().hash_one(())),
        }
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// What its predictions are of.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Counts what the model answered.
    pub fn predictions(&self, outputs: &[Tensor]) {
        self.made.with(|made| match self.target.rows_of_classes(outputs) {
            Some(rows) => made.rows += rows as u64,
            None => self.target.each(outputs, |predicted| made.add(predicted, &self.target)),
        });
    }

    /// What was answered, to be signed or remembered.
    #[must_use]
    pub fn prediction(&self, outputs: &[Tensor], now: Duration) -> Prediction {
        let mut rows = Vec::new();
        self.target.each(outputs, |predicted| rows.push(predicted));
        if self.target.rows_of_classes(outputs).is_some() {
            let mut outcomes = lock(&self.outcomes);
            self.target.each_class(outputs, |class| outcomes.known.classes.learn(&class));
        }
        Prediction {
            model: self.model,
            origin: self.origin,
            time_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            number: self.number.fetch_add(1, Ordering::Relaxed),
            rows,
        }
    }

    /// Keeps a prediction under the id of its request.
    pub fn remember(&self, id: &str, prediction: Prediction) {
        lock(&self.remembered).insert(id, prediction);
    }

    pub(super) fn remembered(&self, id: &str) -> Option<Arc<Prediction>> {
        lock(&self.remembered).get(id)
    }

    /// Counts a truth about a row of a prediction of this version.
    pub(super) fn truth(
        &self,
        prediction: &Prediction,
        row: usize,
        truth: &Truth,
        now: Duration,
    ) -> Fate {
        let Some(predicted) = prediction.rows.get(row).copied() else { return Fate::Invalid };
        if prediction.age(now) > self.settings.expires {
            return Fate::Expired;
        }
        // One that makes no sense must not stand in the way of one that does.
        let Some(outcome) = Outcome::new(&self.target, predicted, truth) else {
            return Fate::Invalid;
        };
        let mut outcomes = lock(&self.outcomes);
        if !outcomes.seen.insert((prediction.number, row)) {
            return Fate::Duplicate;
        }
        outcomes.known.add(outcome);
        Fate::Accepted
    }

    /// All that was predicted and all that came true since the version was loaded.
    #[must_use]
    pub fn report(&self) -> Report {
        let (made, known) = self.counted();
        Report::new(&self.target, &made, &known)
    }

    pub(super) fn counted(&self) -> (Made, Known) {
        let mut made = Made::default();
        self.made.each(|part| made.merge(part));
        (made, lock(&self.outcomes).known.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
