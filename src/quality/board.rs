//! All watchers of a server: those of versions that serve, and of some that have left, whose
//! truths may come for a long time yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feedback::{Fate, Feedback, Named};
use super::metrics::{Metrics, Series};
use super::settings::Settings;
use super::target::Target;
use super::token::{Key, ModelId, Prediction};
use super::watcher::Watcher;
use crate::metrics::{Registry, Settle};

/// Watchers of one model that are kept although their versions do not serve.
const RETIRED_KEPT: usize = 3;

/// Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    key: Key,
    metrics: Metrics,
    /// For counts that are settled before a look at the pages.
    registry: Registry,
    bins: Registry,
    watchers: Mutex<Vec<Arc<Kept>>>,
}

/// A watcher with what it is of.
struct Kept {
    model: String,
    version: u64,
    target: Target,
    watcher: Arc<Watcher>,
    series: Series,
    /// Two looks at the pages at once would add the same counts twice.
    settling: Mutex<()>,
}

impl Board {
    /// `registry` is that of `/metrics`, `bins` that of `/metrics/drift`.
    #[must_use]
    pub fn new(key: Key, registry: &Registry, bins: &Registry) -> Self {
        let metrics = Metrics::new(registry, bins);
        let (registry, bins) = (registry.clone(), bins.clone());
        Self(Arc::new(Shared { key, metrics, registry, bins, watchers: Mutex::default() }))
    }

    /// The watcher of a version, with what it counted before if it was there before.
    #[must_use]
    pub fn open(
        &self,
        model: &str,
        version: u64,
        target: Target,
        settings: &Settings,
    ) -> Arc<Watcher> {
        let mut watchers = self.lock();
        let same = watchers.iter().find(|kept| {
            kept.is_of(model, version)
                && kept.target == target
                && kept.watcher.settings() == settings
        });
        if let Some(kept) = same {
            return Arc::clone(&kept.watcher);
        }
        self.forget(&mut watchers, |kept| kept.is_of(model, version));
        let series = self.0.metrics.series(model, &version.to_string(), &target);
        let watcher = Arc::new(Watcher::new((model, version), target.clone(), settings));
        let kept = Arc::new(Kept {
            model: model.to_owned(),
            version,
            target,
            watcher: Arc::clone(&watcher),
            series,
            settling: Mutex::default(),
        });
        self.0.registry.settle(&kept);
        self.0.bins.settle(&kept);
        watchers.push(kept);
        self.retire(&mut watchers, model);
        watcher
    }

    /// Forgets the oldest of those of a model that serve no more.
    fn retire(&self, watchers: &mut Vec<Arc<Kept>>, model: &str) {
        let is_retired = |kept: &Kept| kept.model == model && kept.is_retired();
        let retired = watchers.iter().filter(|kept| is_retired(kept)).count();
        let mut surplus = retired.saturating_sub(RETIRED_KEPT);
        self.forget(watchers, |kept| {
            let goes = surplus > 0 && is_retired(kept);
            surplus -= usize::from(goes);
            goes
        });
    }

    fn forget(&self, watchers: &mut Vec<Arc<Kept>>, mut which: impl FnMut(&Kept) -> bool) {
        watchers.retain(|kept| {
            let goes = which(kept);
            if goes {
                self.0.metrics.remove(&kept.series);
            }
            !goes
        });
    }

    /// The token of a prediction; `None` if it has too many rows for one.
    #[must_use]
    pub fn token(&self, prediction: &Prediction) -> Option<String> {
        self.0.key.sign(prediction)
    }

    /// Counts a truth about a prediction of this model.
    pub fn feedback(&self, model: &str, feedback: &Feedback, now: Duration) -> Fate {
        let watchers: Vec<Arc<Kept>> =
            self.lock().iter().filter(|kept| kept.model == model).cloned().collect();
        let (fate, kept) = self.meet(model, &watchers, feedback, now);
        match kept {
            Some(kept) => kept.series.met(fate),
            None => self.0.metrics.unknown(model, fate),
        }
        fate
    }

    fn meet(
        &self,
        model: &str,
        watchers: &[Arc<Kept>],
        feedback: &Feedback,
        now: Duration,
    ) -> (Fate, Option<Arc<Kept>>) {
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
        let kept = watchers.iter().find(|kept| kept.version == prediction.version);
        let Some(kept) = kept else { return (Fate::Unknown, None) };
        let fate = kept.watcher.truth(&prediction, feedback.row, &feedback.truth, now);
        if fate == Fate::Accepted {
            kept.series.delayed(prediction.age(now));
        }
        (fate, Some(Arc::clone(kept)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Kept>>> {
        self.0.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_of(&self, model: &str, version: u64) -> bool {
        self.model == model && self.version == version
    }

    /// Whether nobody but this list holds the watcher.
    fn is_retired(&self) -> bool {
        Arc::strong_count(&self.watcher) == 1
    }
}

impl Settle for Kept {
    fn settle(&self) {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let (made, known) = self.watcher.counted();
        self.series.settle(&self.target, &made, &known);
    }
}
