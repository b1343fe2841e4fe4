//! One version from its files to a model that can serve, through every step of
//! [`super::lifecycle`].

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::asked::Asked;
use super::budget::{Budget, Reservation};
use super::comparison::Comparison;
use super::lifecycle::{Cause, Refused, Stage, Ticket};
use super::live::LiveModel;
use super::metrics::Metrics;
use super::reconcile::Load;
use super::snapshot::Model;
use super::{Config, Registry};
use crate::contract::Contract;
use crate::drift::Monitors;
use crate::engine::guard;
use crate::engine::{Engine, LoadedModel, ModelSource};
use crate::gate::{self, Candidate};
use crate::quality::Board;
use crate::repository::{Verification, verify};
use crate::scheduler::{Limits, Scheduler};

/// A model in memory is its file again and what is packed for the processor.
const BYTES_PER_FILE_BYTE: u64 = 2;

/// What loading needs besides the files.
pub(super) struct Loader {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) config: Config,
    pub(super) metrics: Metrics,
    pub(super) monitors: Monitors,
    pub(super) board: Board,
    pub(super) budget: Budget,
    /// What serves: a version is measured against it.
    pub(super) registry: Registry,
    pub(super) verification: Verification,
}

impl Loader {
    /// Takes a version all the way to the switch. Blocks, possibly for minutes.
    ///
    /// # Errors
    /// [`Refused`] at the first step that it does not pass.
    pub(super) fn load(&self, load: &Load, ticket: &Ticket) -> Result<LiveModel, Refused> {
        let loaded = self.steps(load, ticket);
        // What was read while it was being written proves nothing, good or bad.
        if load.files.fingerprint.holds() {
            return loaded;
        }
        Err(Refused::new(Cause::Superseded, "its files changed while they were loaded"))
    }

    fn steps(&self, load: &Load, ticket: &Ticket) -> Result<LiveModel, Refused> {
        let started = Instant::now();
        ticket.enter(Stage::Verifying)?;
        let sha256 = verify(&load.files, &self.verification)
            .map_err(|reason| Refused::new(Cause::Verification, reason))?;
        let memory = |reason| Refused::new(Cause::Memory, reason);
        let estimate = load.files.fingerprint.bytes().saturating_mul(BYTES_PER_FILE_BYTE);
        let mut reservation = self.budget.reserve(estimate).map_err(memory)?;
        ticket.enter(Stage::Loading)?;
        let model = self.compile(load)?;
        reservation.resize(model.facts().memory_bytes).map_err(memory)?;
        ticket.enter(Stage::Gate)?;
        let report = self.gate(load, (model.as_ref(), &sha256), ticket)?;
        ticket.enter(Stage::Gate)?;
        Ok(self.live(load, model, report, (sha256, reservation, started)))
    }

    fn compile(&self, load: &Load) -> Result<Arc<dyn LoadedModel>, Refused> {
        let source = ModelSource {
            path: load.files.model_file.clone(),
            known_shapes: load.files.known_shapes(),
            features: load.settings.features.clone(),
        };
        guard::catch(|| self.engine.load(&source))
            .map_err(|caught| format!("loading failed: {}", caught.0))
            .and_then(|model| model.map_err(|error| error.to_string()))
            .map_err(|reason| Refused::new(Cause::Model, reason))
    }

    /// The version against what serves and what its owner asks of it.
    fn gate(
        &self,
        load: &Load,
        (model, sha256): (&dyn LoadedModel, &str),
        ticket: &Ticket,
    ) -> Result<gate::Report, Refused> {
        let snapshot = self.registry.snapshot();
        let live = snapshot.models.get(&load.model).and_then(Model::serving);
        let report = gate::run(&Candidate {
            model: &load.model,
            version: load.version,
            loaded: model,
            files: &load.files,
            sha256,
            settings: &load.settings,
            live: live.map(|live| (live.version, live.model.as_ref())),
            cancelled: &|| ticket.is_cancelled(),
        });
        let failed = report.failed().map(|check| {
            Refused::new(check.kind.into(), format!("{}: {}", check.kind.as_str(), check.detail))
        });
        failed.map_or(Ok(report), Err)
    }

    fn live(
        &self,
        load: &Load,
        model: Arc<dyn LoadedModel>,
        gate: gate::Report,
        (sha256, memory, started): (String, Reservation, Instant),
    ) -> LiveModel {
        let version_text = load.version.to_string();
        let limits = Limits {
            waiting: load.settings.limits.queue.unwrap_or(self.config.queue),
            batch: (&load.settings.batching).into(),
            idle_cores: load.settings.limits.idle_cores,
        };
        let monitor = gate.reference.as_ref().map(|reference| {
            self.monitors.open(&load.model, &version_text, reference, &load.settings.drift)
        });
        // The gate has compiled it before.
        let contract = gate.contract.as_ref();
        let contract = contract.and_then(|it| Contract::new(it, model.signature()).ok());
        let contract = contract.map(|mut contract| {
            self.metrics.attach(&load.model, &version_text, &mut contract);
            Arc::new(contract)
        });
        let quality = gate.target.clone().zip(load.settings.quality.as_ref());
        let quality = quality
            .map(|(target, settings)| self.board.open(&load.model, load.version, target, settings));
        let queue_metrics = self.metrics.queue(&load.model, &version_text);
        LiveModel {
            name: load.model.clone(),
            version: load.version,
            sha256,
            gate,
            monitor,
            contract,
            quality,
            queue: self.scheduler.queue(Arc::clone(&model), limits, queue_metrics),
            model,
            version_policy: load.settings.versions.clone(),
            deadline: load.settings.limits.deadline.unwrap_or(self.config.deadline),
            rollback: load.settings.rollback.clone(),
            unload_after: load.settings.unload_after,
            counts: self.metrics.version(&load.model, &version_text),
            version_text,
            comparison: Comparison::default(),
            asked: Asked::default(),
            _memory: memory,
            load_time: started.elapsed(),
            loaded_at: SystemTime::now(),
        }
    }
}
