//! A version that serves, as jobs and files of requests run it: on threads of their own, past the
//! queue of its requests and behind them. They hold it to their end, so a swap changes nothing of
//! what they get.

use std::sync::Arc;
use std::time::Instant;

use super::engine;
use super::model::{Failure, Model};
use crate::contract::Contract;
use crate::courtesy::Loading;
use crate::drift::Reference;
use crate::engine::Signature;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

pub struct Live<'a> {
    pub live: Arc<LiveModel>,
    /// What the data as a whole is held against, if somebody asks.
    pub reference: Option<Reference>,
    /// How its threads rest while requests keep the process busy.
    pub manner: &'a Arc<Loading>,
    /// Whether nobody wants the answer any more.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Model for Live<'_> {
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
        self.reference.as_ref()
    }

    fn rows_at_once(&self) -> usize {
        engine::rows_at_once(self.live.model.as_ref())
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        // Else it would be idle, and leave memory.
        self.live.asked.at(Instant::now());
        engine::run(self.live.model.as_ref(), inputs, self.is_stopped)
    }

    /// The threads rest as those do that load models: the more, the more the rest of the process
    /// has to do. Where they run they have from the thread that began them.
    fn work(&self, work: &mut dyn FnMut()) {
        self.manner.run(work);
    }
}
