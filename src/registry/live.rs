//! A model version that serves requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::asked::Asked;
use super::budget::Reservation;
use super::comparison::Comparison;
use super::counts::Counts;
use crate::contract::Contract;
use crate::drift::Monitor;
use crate::engine::{Columns, Label, LoadedModel, Signature, TensorSpec};
use crate::gate;
use crate::quality::Watcher;
use crate::repository::{Rollback, Version, VersionPolicy};
use crate::scheduler::Queue;

/// Everything a request needs of the version that answers it.
pub struct LiveModel {
    pub name: String,
    pub version: Version,
    /// `version` as text, as answers and metrics want it.
    pub version_text: String,
    pub lineage: Lineage,
    pub model: Arc<dyn LoadedModel>,
    /// What it showed before it served.
    pub gate: gate::Report,
    /// Watches its data, if it has a reference.
    pub monitor: Option<Arc<Monitor>>,
    /// What is demanded of its data.
    pub contract: Option<Arc<Contract>>,
    /// Compares its predictions with the truth, if that is wanted.
    pub quality: Option<Arc<Watcher>>,
    /// Which versions of its model are served.
    pub version_policy: VersionPolicy,
    /// Labels of the classes of outputs, where its owner gives them; they come before what the
    /// model itself calls them.
    pub(super) class_labels: BTreeMap<String, Arc<[Label]>>,
    pub queue: Queue,
    /// Time that a request to this model may take.
    pub deadline: Duration,
    /// When this version is taken back.
    pub(super) rollback: Rollback,
    /// Time without requests after which it leaves memory.
    pub(super) unload_after: Option<Duration>,
    pub counts: Arc<Counts>,
    /// As a shadow: how its answers compare.
    pub comparison: Comparison,
    /// When the last request came, or the version went live.
    pub asked: Asked,
    /// Given back to the budget when the version is freed.
    pub(super) _memory: Reservation,
    /// Reading, compiling and warming up took this long.
    pub load_time: Duration,
    pub loaded_at: SystemTime,
}

/// What a prediction came of, for those who ask later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Of the model file, in hexadecimal.
    pub sha256: String,
    /// Eight digits of what the contract says; empty without one.
    pub contract: String,
    /// Eight digits of the reference profile; empty without one.
    pub reference: String,
    /// The same for answers, as a dictionary of RFC 9651; of the file its first 16 digits.
    pub field: String,
}

impl Lineage {
    #[must_use]
    pub fn new(sha256: String, contract: &str, reference: &str) -> Self {
        let short = sha256.get(..16).unwrap_or(&sha256);
        let parts = [("model", short), ("contract", contract), ("reference", reference)];
        let parts = parts.into_iter().filter(|(_, of)| !of.is_empty());
        let parts: Vec<String> = parts.map(|(name, of)| format!("{name}=\"{of}\"")).collect();
        let field = parts.join(", ");
        let (contract, reference) = (contract.to_owned(), reference.to_owned());
        Self { sha256, contract, reference, field }
    }
}

impl LiveModel {
    #[must_use]
    pub fn signature(&self) -> &Signature {
        self.model.signature()
    }

    /// What the classes of an output are called, by index; empty where nobody says.
    #[must_use]
    pub fn labels<'a>(&'a self, output: &'a TensorSpec) -> &'a [Label] {
        let own = self.class_labels.get(&output.name).map(|labels| &**labels);
        own.or(output.columns.as_ref().map(Columns::names)).unwrap_or_default()
    }

    /// The largest batch that may be formed, in the sense of Triton's model configuration:
    /// 0 where rows have no meaning.
    #[must_use]
    pub fn max_batch_rows(&self) -> usize {
        if self.model.batching().is_on() { self.queue.limits().batch.max_rows } else { 0 }
    }
}
