//! One version from its files to a model that can serve, through every step of
//! [`super::lifecycle`]. Nothing that others see changes on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Registry;
use super::budget::{Budget, Reservation};
use super::lifecycle::{Cause, Refused, Stage, Ticket};
use super::reconcile::Load;
use super::snapshot::Model;
use crate::contract::Contract;
use crate::drift::{self, Monitors};
use crate::engine::guard;
use crate::engine::{Engine, LoadedModel, ModelSource};
use crate::gate::{self, Candidate};
use crate::repository::{Verification, verify};

/// A model in memory is its file again and what is packed for the processor.
const BYTES_PER_FILE_BYTE: u64 = 2;

/// What loading needs besides the files.
pub(super) struct Loader {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) monitors: Monitors,
    pub(super) budget: Budget,
    /// What serves: a version is measured against it.
    pub(super) registry: Registry,
    pub(super) verification: Verification,
}

/// A version that has passed every check. Nobody knows of it yet.
pub(super) struct Loaded {
    pub(super) model: Arc<dyn LoadedModel>,
    /// Of the model file, in hexadecimal.
    pub(super) sha256: String,
    pub(super) gate: gate::Report,
    pub(super) contract: Option<Box<Contract>>,
    pub(super) monitor: Option<drift::Prepared>,
    pub(super) memory: Reservation,
    /// Reading, compiling and warming up took this long.
    pub(super) load_time: Duration,
}

impl Loader {
    /// Takes a version all the way to the switch. Blocks, possibly for minutes.
    ///
    /// # Errors
    /// [`Refused`] at the first step that it does not pass.
    pub(super) fn load(&self, load: &Load, ticket: &Ticket) -> Result<Loaded, Refused> {
        let loaded = self.steps(load, ticket);
        // What was read while it was being written proves nothing, good or bad.
        if load.files.fingerprint.holds() {
            return loaded;
        }
        Err(Refused::new(Cause::Superseded, "its files changed while they were loaded"))
    }

    fn steps(&self, load: &Load, ticket: &Ticket) -> Result<Loaded, Refused> {
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
        let gate = self.gate(load, (model.as_ref(), &sha256), ticket)?;
        ticket.enter(Stage::Gate)?;
        // The gate has compiled it before.
        let contract = gate.contract.as_ref();
        let contract = contract.and_then(|it| Contract::new(it, model.signature()).ok());
        Ok(Loaded {
            sha256,
            contract: contract.map(Box::new),
            monitor: self.prepare(load, &gate),
            gate,
            model,
            memory: reservation,
            load_time: started.elapsed(),
        })
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
        let Some(failed) = report.failed() else { return Ok(report) };
        let reason = format!("{}: {}", failed.kind.as_str(), failed.detail);
        let refused = Refused::new(failed.kind.into(), reason);
        Err(Refused { checks: report.checks.into(), ..refused })
    }

    /// What was counted of the version before, if it has a reference.
    fn prepare(&self, load: &Load, gate: &gate::Report) -> Option<drift::Prepared> {
        let reference = gate.reference.as_ref()?;
        Some(self.monitors.prepare((&load.model, load.version), reference, &load.settings.drift))
    }
}
