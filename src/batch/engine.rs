//! A loaded model as jobs run it.

use super::model::Failure;
use crate::engine::{CostCurve, LoadedModel, RunControl, RunError};
use crate::gate::runner;
use crate::tensor::Tensor;

/// Rows that run together at the lowest cost.
#[must_use]
pub fn rows_at_once(model: &dyn LoadedModel) -> usize {
    if model.batching().is_on() {
        model.cost().map_or(1, CostCurve::cheapest_rows)
    } else {
        model.signature().rows_of_a_run(1).unwrap_or(1)
    }
}

/// Runs inputs on this thread, unless nobody wants the answer any more.
///
/// # Errors
/// Why there is none.
pub fn run(
    model: &dyn LoadedModel,
    inputs: &[Tensor],
    is_stopped: &dyn Fn() -> bool,
) -> Result<Vec<Tensor>, Failure> {
    let plan = runner::plan(model, inputs, is_stopped).map_err(Failure::Model)?;
    let control = RunControl::default().stop_if(is_stopped);
    plan.run_under(inputs, &control).map_err(|error| match error {
        RunError::Values { .. } | RunError::Shapes { .. } => Failure::Values(error.to_string()),
        other => Failure::Model(other.to_string()),
    })
}
