//! How models have been doing: an hour in steps of 10 s and a week in steps of 10 min, for those
//! who look at the server without Prometheus.
//!
//! A thread takes a sample of what is counted anyway, so requests cost nothing more. What is kept
//! are differences of samples, in rings that are bounded and are gone with the process. Nothing
//! here decides anything.

mod attention;
mod drifts;
#[cfg(test)]
mod fake;
mod models;
mod point;
mod ring;
mod rings;
mod sample;
mod sampler;
mod step;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::drift::{self, Source};
use crate::registry::{Event, Model, Registry};
use crate::repository::Version;

pub use attention::{Attention, Condition, Drifted, Level, Quality, Queue, Topic, attention};
pub use drifts::DriftSeries;
pub use models::Glance;
pub use ring::Span;
pub use rings::{Series, Stages};
pub use sampler::Sampler;
pub use step::Step;

use drifts::Drifts;
use models::{Models, Now};
use sample::Sample;

/// Between two samples, and between two points of the longer span.
const FINE: Duration = Duration::from_secs(10);
const COARSE: Duration = Duration::from_mins(10);

const HOUR: Duration = Duration::from_hours(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Reads what was sampled. Cheap to clone.
#[derive(Clone)]
pub struct History(Arc<Shared>);

struct Shared {
    registry: Registry,
    started: Instant,
    models: Mutex<Models>,
    /// Behind a lock of their own: there are many, and who looks at models need not wait for them.
    drifts: Mutex<Drifts>,
}

impl History {
    /// Starts the thread that takes samples; it ends when the sampler is dropped.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(registry: Registry) -> io::Result<(Self, Sampler)> {
        let shared = Shared {
            registry,
            started: Instant::now(),
            models: Mutex::new(Models::new(models::MOST)),
            drifts: Mutex::new(Drifts::new(drifts::MOST)),
        };
        let history = Self(Arc::new(shared));
        // Whoever looks before the first sample of the thread finds one.
        history.sample();
        let sampler = Sampler::start(history.clone())?;
        Ok((history, sampler))
    }

    /// How long the server has been there.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// How a model of the snapshot is doing, and how it did in the last few minutes.
    #[must_use]
    pub fn glance(&self, name: &str, model: &Model) -> Glance {
        // Nobody waits while counts are read.
        let tails = self.models().tails(name).to_vec();
        let sample = Sample::of(Some(model), &tails);
        let mut glance = self.models().glance(self.now(), name, &sample);
        if model.live().next().is_none() {
            glance.now = None;
        }
        glance
    }

    /// What is kept of a model, and of what happened since the last sample; none if it is not
    /// known. A model that is gone is known for a week.
    #[must_use]
    pub fn series(&self, name: &str, span: Span) -> Option<Series> {
        let snapshot = self.0.registry.snapshot();
        let model = snapshot.models.get(name);
        let tails = self.models().tails(name).to_vec();
        let sample = (model.is_some() || !tails.is_empty()).then(|| Sample::of(model, &tails));
        self.models().series(self.now(), name, span, sample.as_ref())
    }

    /// What became of its versions within the span, oldest first.
    #[must_use]
    pub fn events(&self, name: &str, span: Span) -> Vec<Event> {
        let mut events = self.0.registry.events().of(name);
        if let Some(oldest) = SystemTime::now().checked_sub(span.length()) {
            events.retain(|event| event.at >= oldest);
        }
        events
    }

    /// When one of its versions went live or was taken back for the last time.
    #[must_use]
    pub fn last_swap(&self, name: &str) -> Option<SystemTime> {
        self.0.registry.events().last_swap(name)
    }

    /// How far a feature of a version was from its reference: the scores of requests in the short
    /// window. Empty where nothing is known.
    #[must_use]
    pub fn drift(&self, model: &str, version: Version, feature: &str, span: Span) -> DriftSeries {
        let snapshot = self.0.registry.snapshot();
        let live = snapshot.models.get(model).and_then(|model| model.live_version(version));
        let monitor = live.and_then(|live| live.monitor.as_ref());
        let report = monitor.and_then(|monitor| monitor.report(Source::Request));
        let features = report.iter().flat_map(|report| &report.features);
        let scores = features
            .filter(|it| it.name == feature)
            .find_map(|feature| feature.scores.get(drift::Span::Short));
        self.drifts().series(self.now().at, (model, version), feature, span, scores)
    }

    fn now(&self) -> Now {
        Now { at: drift::now(), steady: self.0.started.elapsed() }
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.0.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drifts(&self) -> MutexGuard<'_, Drifts> {
        self.0.drifts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
