//! One run of a loaded model, as a request would have it: checked, and with a plan that may
//! have to be compiled first.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::engine::{LoadedModel, Plan, PlanLookup, Signature};
use crate::tensor::{Shape, Tensor};

/// Compiling takes milliseconds at least; asking more often would only burn time.
const RETRY: Duration = Duration::from_millis(10);

/// Whether nobody waits for the answer any more.
pub type Cancelled<'a> = &'a dyn Fn() -> bool;

/// A tensor by its name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) tensor: Tensor,
}

/// Runs these inputs, which are in the order of the signature, and waits for the answer.
///
/// # Errors
/// What is wrong with the inputs, or why the run failed.
pub fn run(
    loaded: &dyn LoadedModel,
    inputs: &[Tensor],
    cancelled: Cancelled,
) -> Result<Vec<Tensor>, String> {
    plan(loaded, inputs, cancelled)?.run(inputs).map_err(|error| error.to_string())
}

/// A plan that runs these inputs, however long it takes to compile.
///
/// # Errors
/// What is wrong with the inputs, or why there is no plan for them.
pub fn plan(
    loaded: &dyn LoadedModel,
    inputs: &[Tensor],
    cancelled: Cancelled,
) -> Result<Arc<dyn Plan>, String> {
    loaded.signature().check(inputs).map_err(|error| error.to_string())?;
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    loop {
        if cancelled() {
            return Err(super::CANCELLED.to_owned());
        }
        match loaded.plan(&shapes) {
            PlanLookup::Ready(plan) => return Ok(plan),
            PlanLookup::Compiling(ticket) => match ticket.blocking_recv() {
                Ok(compiled) => return compiled.map_err(|error| error.to_string()),
                Err(_) => return Err("the compilation of a plan was given up".to_owned()),
            },
            // Requests of the versions that serve may be waiting for theirs.
            PlanLookup::Busy => thread::sleep(RETRY),
        }
    }
}

/// The inputs in the order of the signature.
pub(super) fn in_order(signature: &Signature, named: &[Named]) -> Result<Vec<Tensor>, String> {
    if let Some(unknown) = named.iter().find(|input| signature.input(&input.name).is_none()) {
        let known: Vec<String> =
            signature.inputs.iter().map(|spec| format!("'{}'", spec.name)).collect();
        let name = &unknown.name;
        return Err(format!("unknown input '{name}', the model has {}", known.join(", ")));
    }
    signature
        .inputs
        .iter()
        .map(|spec| {
            let found = named.iter().find(|input| input.name == spec.name);
            let tensor = found.map(|input| input.tensor.clone());
            tensor.ok_or_else(|| format!("input '{}' is missing", spec.name))
        })
        .collect()
}
