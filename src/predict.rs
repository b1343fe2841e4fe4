//! The one use case behind every protocol: find the model, check the inputs, have them
//! run, and account for it.
//!
//! Adapters (v1, v2, gRPC) translate bytes to [`NamedTensor`]s and back and decide nothing.

mod checked;
mod classify;
mod error;
mod inputs;
pub mod names;
mod outputs;
mod resolve;
mod shadow;
mod ticket;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

pub use error::{Error, Kind};
pub use inputs::{InputError, NamedTensor};
pub use outputs::{Malformed, Output, rows};
pub use resolve::Target;
pub use ticket::Ticket;
pub use watch::{Codec, Watch};

use crate::contract::Passed;
use crate::registry::{LiveModel, Metrics, Protocol, Registry};
pub use crate::scheduler::Priority;
use crate::scheduler::{Answer, Work};
use crate::telemetry::Record;

/// Settings of predictions.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub wake: Wake,
    /// Time for one request while its model's own deadline is not known.
    pub deadline: Duration,
}

/// What a request for a model that left memory does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Until the model is back, or the deadline.
    Wait,
    /// The model comes back, but this request is told to try again.
    Refuse,
}

/// Answers predictions. Cheap to clone.
#[derive(Clone)]
pub struct Predictor {
    registry: Registry,
    metrics: Metrics,
    config: Config,
    /// One permit for each request that a shadow may be working on.
    shadows: Arc<Semaphore>,
}

/// A prediction that an adapter has decoded.
pub struct Request {
    pub inputs: Vec<NamedTensor>,
    /// The caller's own limit; the model's deadline holds as well.
    pub timeout: Option<Duration>,
    pub priority: Priority,
}

impl Predictor {
    #[must_use]
    pub fn new(registry: Registry, metrics: Metrics, config: Config) -> Self {
        let shadows = Arc::new(Semaphore::new(shadow::MAX_AT_ONCE));
        Self { registry, metrics, config, shadows }
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Starts to account for a request, in its record too if it is followed; call as soon as
    /// its head is there.
    #[must_use]
    pub fn watch(&self, protocol: Protocol, record: Option<Record>) -> Watch {
        Watch::start(self.metrics.clone(), protocol, record)
    }

    /// Turns a request away that would find its queue full, before it is decoded: a flood
    /// must not cost more than it has to.
    ///
    /// # Errors
    /// [`Error`] if the queue is full.
    pub fn has_room(&self, live: &LiveModel) -> Result<(), Error> {
        Ok(live.queue.has_room()?)
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
    ) -> Result<(Answer, Passed), Error> {
        let allowed = request.timeout.map_or(live.deadline, |own| own.min(live.deadline));
        let (inputs, mut passed) = checked::inputs(live, request.inputs).await?;
        let shadow = self.shadow(live, &inputs);
        let watching = live.monitor.as_ref().filter(|monitor| monitor.inputs(&inputs));
        let (deadline, priority) = (started + allowed, request.priority);
        let work = Work { inputs, deadline, allowed, priority };
        let mut answer = live.queue.run(work).await?;
        passed.warned += checked::outputs(live, &mut answer.outputs).await?;
        if let Some(monitor) = watching {
            monitor.predictions(&answer.outputs);
        }
        if let Some(quality) = &live.quality {
            quality.predictions(&answer.outputs);
        }
        if let Some(shadow) = shadow {
            shadow.compare(live.signature().clone(), &answer);
        }
        Ok((answer, passed))
    }
}
