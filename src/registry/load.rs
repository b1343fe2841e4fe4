//! One version from its files to a model that can serve.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::Config;
use super::live::LiveModel;
use super::metrics::Metrics;
use super::reconcile::Load;
use super::statistics::Statistics;
use crate::engine::guard;
use crate::engine::{Engine, ModelSource};
use crate::repository::{Verification, verify};
use crate::scheduler::{Limits, Scheduler};

/// What loading needs besides the files.
pub(super) struct Loader {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) config: Config,
    pub(super) metrics: Metrics,
    pub(super) verification: Verification,
}

impl Loader {
    /// Loads and warms up. Blocks, possibly for seconds.
    ///
    /// # Errors
    /// The reason, as the repository index shows it.
    pub(super) fn load(&self, load: &Load) -> Result<LiveModel, String> {
        let started = Instant::now();
        let source = ModelSource {
            path: load.files.model_file.clone(),
            known_shapes: load.files.known_shapes(),
            features: load.settings.features.clone(),
        };
        let sha256 = verify(&load.files, &self.verification)?;
        let model = guard::catch(|| self.engine.load(&source))
            .map_err(|caught| format!("loading failed: {}", caught.0))?
            .map_err(|error| error.to_string())?;
        let version_text = load.version.to_string();
        let limits = Limits {
            waiting: load.settings.limits.queue.unwrap_or(self.config.queue),
            batch_rows: load.settings.batching.max_rows,
        };
        let queue_metrics = self.metrics.queue(&load.model, &version_text);
        Ok(LiveModel {
            name: load.model.clone(),
            version: load.version,
            sha256,
            queue: self.scheduler.queue(Arc::clone(&model), limits, queue_metrics),
            model,
            deadline: load.settings.limits.deadline.unwrap_or(self.config.deadline),
            metrics: self.metrics.version(&load.model, &version_text),
            version_text,
            statistics: Statistics::default(),
            load_time: started.elapsed(),
            loaded_at: SystemTime::now(),
        })
    }
}
