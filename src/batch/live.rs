//! A version that serves, as jobs and files of requests run it: on threads of their own, past the
//! queue of its requests and behind them. They hold it to their end, so a swap changes nothing of
//! what they get.

use std::sync::Arc;
use std::time::Instant;

use super::engine;
use super::model::{Failure, Model};
use super::totals::Totals;
use crate::contract::Contract;
use crate::courtesy::Loading;
use crate::drift::{self, Reference};
use crate::engine::Signature;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

pub struct Live<'a> {
    version: Arc<LiveModel>,
    /// How its threads rest while requests keep the process busy.
    manner: &'a Arc<Loading>,
    /// Whether nobody wants the answer any more.
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Live<'a> {
    #[must_use]
    pub fn new(
        version: Arc<LiveModel>,
        manner: &'a Arc<Loading>,
        is_stopped: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        if let Some(monitor) = &version.monitor {
            monitor.expect_files(drift::now());
        }
        Self { version, manner, is_stopped }
    }
}

impl Model for Live<'_> {
    fn signature(&self) -> &Signature {
        self.version.signature()
    }

    fn sha256(&self) -> &str {
        &self.version.lineage.sha256
    }

    fn contract(&self) -> Option<&Contract> {
        self.version.contract.as_deref()
    }

    fn reference(&self) -> Option<&Reference> {
        self.version.monitor.as_ref().map(|monitor| monitor.reference())
    }

    fn rows_at_once(&self) -> usize {
        engine::rows_at_once(self.version.model.as_ref())
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        // Else it would be idle, and leave memory.
        self.version.asked.at(Instant::now());
        engine::run(self.version.model.as_ref(), inputs, self.is_stopped)
    }

    /// The monitor of the version's data learns of it.
    fn done(&self, totals: &Totals) {
        if let Some((monitor, tally)) = self.version.monitor.as_ref().zip(totals.tally.as_ref()) {
            monitor.file(tally, drift::now());
        }
    }

    /// The threads rest as those do that load models: the more, the more the rest of the process
    /// has to do. Where they run they have from the thread that began them.
    fn work(&self, work: &mut dyn FnMut()) {
        self.manner.run(work);
    }
}
