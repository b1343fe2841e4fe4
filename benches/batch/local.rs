//! The model `flight-delay` as it is shipped, with its contract and its reference.

use std::path::Path;
use std::sync::Arc;

use onnxd::batch::{self, Failure, Model};
use onnxd::contract::Contract;
use onnxd::drift::Reference;
use onnxd::engine::tract::{Config, TractEngine};
use onnxd::engine::{Engine, LoadedModel, ModelSource, PlanLookup, Signature};
use onnxd::repository::{Config as Place, Repository};
use onnxd::tensor::Tensor;

pub(crate) struct Flights {
    pub(crate) model: Arc<dyn LoadedModel>,
    sha256: String,
    contract: Contract,
    reference: Reference,
}

impl Flights {
    pub(crate) fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/flight-delay");
        let mut repository = Repository::open(Place::local(&path)).expect("the repository");
        let listing = repository.list().expect("the model");
        let shipped = listing.models.values().next().expect("the model");
        let settings = shipped.settings.clone().expect("its settings");
        let (_, files) = shipped.versions.last_key_value().expect("a version");
        let bytes = std::fs::read(&files.model_file).expect("the file");
        let sha256 = onnxd::digest::sha256(&bytes);
        let source = ModelSource { path: files.model_file.clone(), ..ModelSource::default() };
        let model = TractEngine::new(Config::default()).load(&source).expect("it loads");
        let found = files.contract(&settings).expect("the contract").expect("the contract");
        let contract = Contract::new(&found.document, model.signature()).expect("it fits");
        let profile = files.file("profile.json").expect("the profile");
        let reference = Reference::read(&profile, &sha256, model.signature()).expect("it fits");
        Self { model, sha256, contract, reference }
    }

    /// The plan and nothing else.
    pub(crate) fn plan(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        let shapes: Vec<_> = inputs.iter().map(|input| input.shape().clone()).collect();
        let PlanLookup::Ready(plan) = self.model.plan(&shapes) else { panic!("no plan is ready") };
        plan.run(inputs).expect("it runs")
    }
}

impl Model for Flights {
    fn signature(&self) -> &Signature {
        self.model.signature()
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn contract(&self) -> Option<&Contract> {
        Some(&self.contract)
    }

    fn reference(&self) -> Option<&Reference> {
        Some(&self.reference)
    }

    fn rows_at_once(&self) -> usize {
        batch::rows_at_once(self.model.as_ref())
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        batch::run(self.model.as_ref(), inputs, &|| false)
    }
}
