//! A version that serves, as a job runs it: on the job's own threads and past the queue of its
//! requests. The job holds it until it ends, so a swap changes nothing of what it writes.

use std::sync::Arc;
use std::time::Instant;

use super::entry::Entry;
use crate::batch::{self, Failure, Model};
use crate::contract::Contract;
use crate::courtesy::Loading;
use crate::drift::{Monitor, Reference};
use crate::engine::Signature;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

pub(super) struct Served<'a> {
    pub(super) live: Arc<LiveModel>,
    pub(super) entry: &'a Entry,
    pub(super) manner: &'a Arc<Loading>,
}

impl Model for Served<'_> {
    fn signature(&self) -> &Signature {
        self.live.signature()
    }

    fn sha256(&self) -> &str {
        &self.live.lineage.sha256
    }

    fn contract(&self) -> Option<&Contract> {
        self.live.contract.as_deref()
    }

    fn reference(&self) -> Option<&Reference> {
        self.live.monitor.as_deref().map(Monitor::reference)
    }

    fn rows_at_once(&self) -> usize {
        batch::rows_at_once(self.live.model.as_ref())
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        // Else it would be idle, and leave memory.
        self.live.asked.at(Instant::now());
        // A task may take minutes; who cancels should not wait for it.
        batch::run(self.live.model.as_ref(), inputs, &|| self.entry.is_stopped())
    }

    /// The threads of a job rest as those do that load models: the more, the more the rest of the
    /// process has to do. Where they run they have from the thread that began them.
    fn work(&self, work: &mut dyn FnMut()) {
        self.manner.run(work);
    }
}
