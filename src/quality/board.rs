//! All watchers of a server: those of versions that serve, and of some that have left, whose
//! truths may come for a long time yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feedback::{Fate, Feedback, Named};
use super::metrics::{Metrics, Series};
use super::settings::Settings;
use super::target::Target;
use super::token::{Key, ModelId, Origin, Prediction};
use super::watcher::Watcher;
use crate::metrics::{Registry, Settle, Shelf, Shelved};

/// Watchers of one model that are kept although their versions do not serve, and may have left
/// the repository: what they predicted still comes true.
const SPARE: usize = 3;

/// Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    key: Key,
    metrics: Metrics,
    /// For counts that are settled before a look at the pages.
    registry: Registry,
    bins: Registry,
    shelf: Shelf<Kept>,
}

/// A watcher with what it shows.
struct Kept {
    watcher: Arc<Watcher>,
    /// `None` before it entered and after it left. Whoever shows something holds this, so that
    /// nothing comes back to the pages after its version has gone, and so that two looks at once
    /// do not add the same counts twice.
    series: Mutex<Option<Series>>,
    of: (String, u64),
    metrics: Metrics,
    registries: [Registry; 2],
}

/// What quality a version is watched for.
pub struct Watched<'a> {
    /// Of the model file, in hexadecimal.
    pub sha256: &'a str,
    pub target: &'a Target,
    pub settings: &'a Settings,
}

impl Board {
    /// `registry` is that of `/metrics`, `bins` that of `/metrics/drift`.
    #[must_use]
    pub fn new(key: Key, registry: &Registry, bins: &Registry) -> Self {
        let metrics = Metrics::new(registry, bins);
        let (registry, bins) = (registry.clone(), bins.clone());
        Self(Arc::new(Shared { key, metrics, registry, bins, shelf: Shelf::new(SPARE) }))
    }

    /// The watcher of a version that begins to serve, with what it counted before if it was
    /// there before.
    #[must_use]
    pub fn open(&self, (model, version): (&str, u64), of: &Watched) -> Arc<Watcher> {
        let origin = Origin::of(version, of.sha256, of.target);
        let is_same = |kept: &Kept| {
            let watcher = &kept.watcher;
            watcher.origin() == origin && watcher.settings() == of.settings
        };
        let make = |_: Option<&Kept>| {
            let watcher = Watcher::new(model, origin, of.target.clone(), of.settings);
            Kept::new((model, version), watcher, &self.0)
        };
        self.0.shelf.begin((model, version), is_same, make).0
    }

    /// A version begins to serve whose quality is not watched; it may have been.
    pub fn close(&self, model: &str, version: u64) {
        self.0.shelf.end(model, version);
    }

    /// Lets go of the watchers of models that are not there, and of each model the oldest that
    /// do not serve.
    pub fn sweep(&self, is_there: impl Fn(&str) -> bool) {
        let surplus = self.0.shelf.surplus(|place| is_there(&place.model));
        for place in &surplus {
            self.0.shelf.discard(place);
        }
    }

    /// The token of a prediction; `None` if it has too many rows for one.
    #[must_use]
    pub fn token(&self, prediction: &Prediction) -> Option<String> {
        self.0.key.sign(prediction)
    }

    /// Counts a truth about a prediction of this model.
    pub fn feedback(&self, model: &str, feedback: &Feedback, now: Duration) -> Fate {
        let kept = self.0.shelf.of(model);
        let watchers: Vec<&Kept> = kept.iter().map(|kept| &**kept).collect();
        let (fate, met) = self.meet(model, &watchers, feedback, now);
        if !met.is_some_and(|(kept, delay)| kept.met(fate, delay)) {
            self.0.metrics.unknown(model, fate);
        }
        fate
    }

    /// What becomes of a truth; the watcher that it is for, and how long it took to come.
    fn meet<'a>(
        &self,
        model: &str,
        watchers: &[&'a Kept],
        feedback: &Feedback,
        now: Duration,
    ) -> (Fate, Option<(&'a Kept, Duration)>) {
        let prediction = match &feedback.of {
            Named::Token(token) => match self.0.key.verify(token) {
                Some(prediction) if prediction.model == ModelId::of(model) => Arc::new(prediction),
                _ => return (Fate::Invalid, None),
            },
            Named::Id(id) => {
                // The version that answered last knows it best.
                let found = watchers.iter().rev().find_map(|kept| kept.watcher.remembered(id));
                match found {
                    Some(prediction) => prediction,
                    None => return (Fate::Unknown, None),
                }
            }
        };
        let mut watchers = watchers.iter();
        let kept = watchers.find(|kept| kept.watcher.origin() == prediction.origin);
        let Some(kept) = kept else { return (Fate::Unknown, None) };
        let fate = kept.watcher.truth(&prediction, feedback.row, &feedback.truth, now);
        (fate, Some((kept, prediction.age(now))))
    }
}

impl Kept {
    fn new((model, version): (&str, u64), watcher: Watcher, shared: &Shared) -> Self {
        Self {
            watcher: Arc::new(watcher),
            series: Mutex::default(),
            of: (model.to_owned(), version),
            metrics: shared.metrics.clone(),
            registries: [shared.registry.clone(), shared.bins.clone()],
        }
    }

    /// Counts what became of a truth; whether it still can.
    fn met(&self, fate: Fate, delay: Duration) -> bool {
        let series = self.series();
        let Some(series) = &*series else { return false };
        series.met(fate);
        if fate == Fate::Accepted {
            series.delayed(delay);
        }
        true
    }

    fn series(&self) -> MutexGuard<'_, Option<Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelved for Kept {
    type Held = Watcher;

    fn held(&self) -> &Arc<Watcher> {
        &self.watcher
    }

    fn enter(self: &Arc<Self>) {
        let (model, version) = &self.of;
        let series = self.metrics.series(model, &version.to_string(), self.watcher.target());
        *self.series() = Some(series);
        for registry in &self.registries {
            registry.settle(self);
        }
    }

    fn leave(&self) {
        let mut series = self.series();
        if let Some(series) = series.take() {
            self.metrics.remove(&series);
        }
    }
}

impl Settle for Kept {
    fn settle(&self) {
        if let Some(series) = &*self.series() {
            let (made, known) = self.watcher.counted();
            series.settle(self.watcher.target(), &made, &known);
        }
    }
}

#[cfg(test)]
mod tests;
