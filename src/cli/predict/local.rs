//! A model that this process has for itself.

use std::sync::Arc;

use crate::batch::{self, Failure as NotRun, Model};
use crate::cli::Failure;
use crate::cli::load::Only;
use crate::contract::Contract;
use crate::drift::{Mode, Reference};
use crate::engine::{LoadedModel, Signature};
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
        let is_on = settings.drift.mode != Mode::Off;
        let profile = is_on.then(|| files.profile(&settings.drift)).flatten();
        if is_on && profile.is_none() && settings.drift.reference.is_some() {
            return Err(wrong(format!("there is no {}", settings.drift.profile().display())));
        }
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
        batch::rows_at_once(self.model.as_ref())
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, NotRun> {
        batch::run(self.model.as_ref(), inputs, &|| false)
    }
}
