//! From a graph with chosen input shapes to something that runs.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::optim::Optimizer;

use super::convert;
use super::doubles;
use super::memory::{self, Estimate};
use super::passes::{Packing, Passes, Shelf};
use super::resting;
use super::stateless;
use super::text_casts;
use crate::engine::Signature;
use crate::engine::guard;

/// Why tract refused a graph, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompileError(pub(super) String);

/// Error chains of tract may quote whole tensors; a reason must stay readable.
const MAX_REASON: usize = 400;

impl CompileError {
    pub(super) fn from_tract(error: &TractError) -> Self {
        Self(one_line(error))
    }
}

/// The error chain, outermost first, on one line of bounded length.
pub(super) fn one_line(error: &TractError) -> String {
    let chain = format!("{error:#}");
    let mut line: String = chain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > MAX_REASON {
        let cut = (0..=MAX_REASON).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// A compiled graph and what it is expected to hold in memory.
pub(super) struct Compiled {
    pub(super) plan: Arc<TypedSimplePlan>,
    pub(super) memory: Estimate,
}

/// How far tract's optimiser went. Later levels are slower plans that more graphs reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// All that tract does, and the passes of this engine.
    Passes,
    /// All that tract does.
    Full,
    /// tract's pass that moves axes through the graph fails on some NHWC networks.
    WithoutAxisChanges,
    Decluttered,
    Typed,
}

pub(super) const LEVELS: [Level; 5] =
    [Level::Passes, Level::Full, Level::WithoutAxisChanges, Level::Decluttered, Level::Typed];

/// Compiles the graph that `build` makes, optimised as far as tract manages with these
/// levels.
pub(super) fn compile(
    signature: &Signature,
    levels: &[Level],
    (passes, shelf): (Passes, &Shelf),
    build: impl Fn() -> TractResult<InferenceModel>,
) -> Result<Compiled, CompileError> {
    let (weights, typed) = guarded(|| {
        let model = build()?;
        Ok((memory::weights(&model), typed(signature, model)?))
    })?;
    let mut first_error = None;
    for &level in levels {
        let packing = Packing::of(shelf);
        match guarded(|| finish(typed.clone(), level, passes, &packing)) {
            Ok(mut compiled) => {
                compiled.memory.weights = weights.saturating_sub(packing.packed());
                return Ok(compiled);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| CompileError("no optimisation level".to_owned())))
}

fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, CompileError> {
    match guard::catch(work) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(CompileError::from_tract(&error)),
        Err(caught) => Err(CompileError(caught.0)),
    }
}

/// Type and shape analysis, then outputs cast to their declared types: shapes leak out of
/// tract as symbolic integers, and some operators produce a wider type than declared.
fn typed(signature: &Signature, model: InferenceModel) -> TractResult<TypedModel> {
    let mut model = model.into_typed()?;
    stateless::forget_between_runs(&mut model);
    doubles::take_over(&mut model)?;
    text_casts::take_over(&mut model)?;
    let mut outputs = model.output_outlets()?.to_vec();
    for (outlet, spec) in outputs.iter_mut().zip(&signature.outputs) {
        let declared = convert::datum_type(spec.data_type);
        if model.outlet_fact(*outlet)?.datum_type != declared {
            let name = format!("{}.declared_type", spec.name);
            *outlet = model.wire_node(name, cast(declared), &[*outlet])?[0];
        }
    }
    model.select_output_outlets(&outputs)?;
    Ok(model)
}

fn finish(
    mut model: TypedModel,
    level: Level,
    passes: Passes,
    packing: &Packing<'_>,
) -> TractResult<Compiled> {
    match level {
        Level::Passes => {
            resting::optimize(&mut model, Optimizer::declutter())?;
            passes.run(&mut model, packing)?;
            resting::optimize(&mut model, Optimizer::codegen())?;
        }
        Level::Full => {
            resting::optimize(&mut model, Optimizer::declutter())?;
            resting::optimize(&mut model, Optimizer::codegen())?;
        }
        Level::WithoutAxisChanges => {
            let mut passes = Optimizer::declutter();
            passes.passes.retain(|pass| !format!("{pass:?}").starts_with("ChangeAxes"));
            resting::optimize(&mut model, passes)?;
            resting::optimize(&mut model, Optimizer::codegen())?;
        }
        Level::Decluttered => resting::optimize(&mut model, Optimizer::declutter())?,
        Level::Typed => {}
    }
    let memory = Estimate { weights: 0, working_set: memory::working_set(&model) };
    let plan = TypedSimplePlan::new(model)?;
    Ok(Compiled { plan, memory })
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_plan_that_the_optimiser_broke_is_made_again_with_less_of_it() {
        answers::match_onnxruntime("lstm_cell_without_states.onnx");
    }
}
