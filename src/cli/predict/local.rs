//! A model that this process has for itself.

use std::sync::Arc;

use crate::batch::{Failure as NotRun, Model};
use crate::cli::Failure;
use crate::cli::load::Only;
use crate::contract::Contract;
use crate::drift::{Mode, PROFILE_FILE, Reference};
use crate::engine::{CostCurve, LoadedModel, RunError, Signature};
use crate::gate::runner;
use crate::tensor::Tensor;

pub(super) struct Local {
    model: Arc<dyn LoadedModel>,
    sha256: String,
    contract: Option<Contract>,
    reference: Option<Reference>,
}

impl Local {
    pub(super) fn load(only: Only) -> Result<Self, Failure> {
        let (model, sha256) = only.load()?;
        let Only { model: name, version, files, settings } = only;
        let wrong = |reason: String| Failure::Work(format!("{name} version {version}: {reason}"));
        let found = files.contract(&settings).map_err(wrong)?;
        let contract = found.map(|found| Contract::new(&found.document, model.signature()));
        let contract = contract.transpose().map_err(wrong)?;
        let profile = settings.drift.reference.clone();
        let profile = profile.unwrap_or_else(|| PROFILE_FILE.into());
        let profile = profile.to_str().and_then(|name| files.file(name));
        let profile = profile.filter(|_| settings.drift.mode != Mode::Off);
        let reference = profile.map(|file| Reference::read(&file, &sha256, model.signature()));
        let reference = reference.transpose().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { model, sha256, contract, reference })
    }
}

impl Model for Local {
    fn signature(&self) -> &Signature {
        self.model.signature()
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn contract(&self) -> Option<&Contract> {
        self.contract.as_ref()
    }

    fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    fn rows_at_once(&self) -> usize {
        if self.model.batching().is_on() {
            self.model.cost().map_or(1, CostCurve::cheapest_rows)
        } else {
            self.model.signature().rows_of_a_run(1).unwrap_or(1)
        }
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, NotRun> {
        let plan = runner::plan(self.model.as_ref(), inputs, &|| false).map_err(NotRun::Model)?;
        plan.run(inputs).map_err(|error| match error {
            RunError::Values { .. } | RunError::Shapes { .. } => NotRun::Values(error.to_string()),
            other => NotRun::Model(other.to_string()),
        })
    }
}
