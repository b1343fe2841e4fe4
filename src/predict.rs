//! The one use case behind every protocol: find the model, check the inputs, have them
//! run, and account for it.
//!
//! Adapters (v1, v2) translate bytes to [`NamedTensor`]s and back and decide nothing.

mod error;
mod inputs;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::{Error, Kind};
pub use inputs::{InputError, NamedTensor};
pub use watch::{Codec, Watch};

use crate::registry::{LiveModel, Protocol, Registry};
use crate::scheduler::{Answer, Work};

/// Answers predictions. Cheap to clone.
#[derive(Clone)]
pub struct Predictor {
    registry: Registry,
    metrics: crate::registry::Metrics,
}

/// A prediction that an adapter has decoded.
pub struct Request {
    pub inputs: Vec<NamedTensor>,
    /// The caller's own limit; the model's deadline holds as well.
    pub timeout: Option<Duration>,
}

impl Predictor {
    #[must_use]
    pub fn new(registry: Registry, metrics: crate::registry::Metrics) -> Self {
        Self { registry, metrics }
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Starts to account for a request; call as soon as its head is there.
    #[must_use]
    pub fn watch(&self, protocol: Protocol) -> Watch {
        Watch::start(self.metrics.clone(), protocol)
    }

    /// The model version that answers a request for `name`, or for exactly `version`.
    ///
    /// # Errors
    /// [`Error`] if there is none, or if it does not serve now.
    pub fn resolve(&self, name: &str, version: Option<&str>) -> Result<Arc<LiveModel>, Error> {
        let snapshot = self.registry.snapshot();
        let unknown =
            || Error::UnknownModel { model: name.to_owned(), version: version.map(str::to_owned) };
        let Some(model) = snapshot.models.get(name) else {
            // Before the first look at the repository is over, nothing is known to be absent.
            return Err(if snapshot.complete { unknown() } else { Error::starting(name) });
        };
        let Some(version) = version else {
            return model.serving().cloned().ok_or_else(|| Error::NotReady {
                model: name.to_owned(),
                loading: model.is_loading(),
                reason: model.reason(),
            });
        };
        let number = version.parse().map_err(|_| unknown())?;
        let entry = model.versions.get(&number).ok_or_else(unknown)?;
        entry.live.clone().ok_or_else(|| Error::NotReady {
            model: format!("{name}' version '{version}"),
            loading: entry.state == crate::registry::State::Loading,
            reason: entry.reason.clone(),
        })
    }

    /// Checks the inputs and runs them. `started` is when the request's head arrived: the
    /// deadline counts from there.
    ///
    /// # Errors
    /// [`Error`] if the inputs do not fit, or there is no answer in time.
    pub async fn predict(
        &self,
        live: &LiveModel,
        request: Request,
        started: Instant,
    ) -> Result<Answer, Error> {
        let inputs = inputs::in_order(live.signature(), request.inputs)?;
        live.signature().check(&inputs)?;
        let allowed = request.timeout.map_or(live.deadline, |own| own.min(live.deadline));
        Ok(live.queue.run(Work { inputs, deadline: started + allowed, allowed }).await?)
    }
}
