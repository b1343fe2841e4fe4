//! Optimises graphs with rests between the steps: a load gives way to serving.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::optim::{Optimizer, OptimizerSession, TypedPass};

use crate::courtesy;

/// A pass that rests before each of its steps.
#[derive(Clone)]
struct Resting(Box<dyn TypedPass>);

/// Runs the optimizer's passes until none finds anything more to do.
///
/// # Errors
/// If a pass fails.
pub(super) fn optimize(model: &mut TypedModel, mut optimizer: Optimizer) -> TractResult<()> {
    let resting = |pass| Box::new(Resting(pass)) as Box<dyn TypedPass>;
    optimizer.passes = optimizer.passes.into_iter().map(resting).collect();
    optimizer.optimize(model)
}

impl std::fmt::Debug for Resting {
    /// By its own name, which errors quote.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TypedPass for Resting {
    fn reset(&mut self) -> TractResult<()> {
        self.0.reset()
    }

    fn next(
        &mut self,
        session: &mut OptimizerSession,
        model: &TypedModel,
    ) -> TractResult<Option<TypedModelPatch>> {
        courtesy::point();
        self.0.next(session, model)
    }

    fn run_direct(&mut self, model: &mut TypedModel) -> TractResult<bool> {
        courtesy::point();
        self.0.run_direct(model)
    }
}
