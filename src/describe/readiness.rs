//! Whether the server, and a model of it, should get requests.

use std::sync::Arc;

use tokio::sync::watch;

use crate::predict::{Error, Kind, Predictor, Target};
use crate::registry::Snapshot;

/// Whether the process is on its way down: then it is alive but not ready. Cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    stopping: Arc<watch::Sender<bool>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { stopping: Arc::new(watch::Sender::new(false)) }
    }
}

impl Readiness {
    /// From now on probes say "not ready", so that callers go elsewhere.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the process is on its way down.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Whether the server should get requests.
    #[must_use]
    pub fn is_ready(&self, snapshot: &Snapshot) -> bool {
        !self.is_stopping() && snapshot.is_ready()
    }

    /// For whoever waits for that: it becomes true then.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// Whether a model, or one version of it, answers.
///
/// # Errors
/// [`Error`] if it is not there at all.
pub fn is_model_ready(predictor: &Predictor, target: Target<'_>) -> Result<bool, Error> {
    match predictor.resolve(target) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Kind::NotFound => Err(error),
        Err(_) => Ok(false),
    }
}
