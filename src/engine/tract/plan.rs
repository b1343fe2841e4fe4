//! A compiled graph with a pool of its running states.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::eval;

use super::compile::{Compiled, one_line};
use super::convert;
use super::helpers::Helpers;
use super::memory::Estimate;
use super::refusal::Refusal;
use crate::courtesy;
use crate::engine::guard;
use crate::engine::{Plan, RunControl, RunError, Signature};
use crate::tensor::{Shape, Tensor, batch};

/// States kept for reuse; more than threads ever run one plan at once.
const MAX_IDLE_STATES: usize = 8;

pub(super) struct TractPlan {
    plan: Arc<TypedSimplePlan>,
    signature: Arc<Signature>,
    any_rows: bool,
    memory: Estimate,
    helpers: Arc<Helpers>,
    idle: Mutex<Vec<TypedSimpleState>>,
}

/// What plans of one model share.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) signature: Arc<Signature>,
    pub(super) helpers: Arc<Helpers>,
}

/// Ends a run between operators.
#[derive(Debug, thiserror::Error)]
#[error("nobody wants the outputs any more")]
struct Unwanted;

impl TractPlan {
    pub(super) fn new(compiled: Compiled, common: &Common, any_rows: bool) -> Self {
        let Compiled { plan, memory } = compiled;
        let Common { signature, helpers } = common.clone();
        Self { plan, signature, any_rows, memory, helpers, idle: Mutex::default() }
    }

    pub(super) fn memory(&self) -> Estimate {
        self.memory
    }

    /// The first output whose shape the values decide, although the shapes of all inputs
    /// are known to this plan.
    pub(super) fn shaped_by_values(&self) -> Option<&str> {
        let model = self.plan.model();
        let outlets = model.output_outlets().ok()?;
        let open = outlets.iter().position(|&outlet| {
            model.outlet_fact(outlet).is_ok_and(|fact| fact.shape.as_concrete().is_none())
        });
        Some(self.signature.outputs.get(open?)?.name.as_str())
    }

    /// A state that has run before keeps what its operators allocated.
    fn take_state(&self) -> TractResult<TypedSimpleState> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.plan.spawn(), Ok)
    }

    fn return_state(&self, state: TypedSimpleState) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_STATES {
            idle.push(state);
        }
    }

    /// Runs in a state that goes back to the pool only if all went well: an operator that
    /// failed or panicked may have left anything behind.
    fn run_in_state(
        &self,
        inputs: TVec<TValue>,
        running: &Cell<Option<usize>>,
        control: &RunControl,
    ) -> TractResult<TVec<TValue>> {
        let mut state = self.take_state()?;
        let outputs = state.run_plan_with_eval(inputs, |context, op_state, node, inputs| {
            courtesy::point();
            if control.is_unwanted() {
                return Err(Unwanted.into());
            }
            running.set(Some(node.id));
            let operator = || eval(context, op_state, node, inputs);
            if control.may_spread() { self.helpers.spread(operator) } else { operator() }
        })?;
        self.return_state(state);
        Ok(outputs)
    }

    /// Runs once and tells how long each node took, in their order.
    pub(super) fn run_timed(
        &self,
        inputs: &[Tensor],
        mut seen: impl FnMut(usize, Duration),
    ) -> TractResult<()> {
        let inputs: TractResult<TVec<TValue>> =
            inputs.iter().map(|input| Ok(convert::into_tract(input)?.into_tvalue())).collect();
        let mut state = self.take_state()?;
        state.run_plan_with_eval(inputs?, |context, op_state, node, inputs| {
            let started = Instant::now();
            let outputs = eval(context, op_state, node, inputs);
            seen(node.id, started.elapsed());
            outputs
        })?;
        self.return_state(state);
        Ok(())
    }

    /// What a node does, and what it is called.
    pub(super) fn operator_and_name(&self, node: usize) -> (String, String) {
        let node = self.plan.model().node(node);
        (node.op().name().into_owned(), node.name.clone())
    }

    /// An operator and its node as callers may see them: optimised operators go by the
    /// name of the node they were made from.
    fn describe(&self, node: Option<usize>) -> String {
        node.map_or_else(
            || "the graph".to_owned(),
            |id| {
                let node = self.plan.model().node(id);
                format!("{} (node '{}')", node.op().name(), node.name)
            },
        )
    }
}

impl Plan for TractPlan {
    fn run_under(&self, inputs: &[Tensor], control: &RunControl) -> Result<Vec<Tensor>, RunError> {
        let running = Cell::new(None);
        let outputs = guard::catch(|| {
            let inputs: TractResult<TVec<TValue>> =
                inputs.iter().map(|input| Ok(convert::into_tract(input)?.into_tvalue())).collect();
            self.run_in_state(inputs?, &running, control)
        });
        let outputs = match outputs {
            Ok(Ok(outputs)) => outputs,
            Ok(Err(error)) if error.is::<Unwanted>() => return Err(RunError::Stopped),
            Ok(Err(error)) => {
                return Err(match error.downcast_ref() {
                    Some(Refusal(reason)) => RunError::Values {
                        operator: self.describe(running.get()),
                        reason: reason.clone(),
                    },
                    None => RunError::Operator { reason: one_line(&error) },
                });
            }
            Err(caught) => {
                let operator = self.describe(running.get());
                return Err(RunError::Panic { operator, reason: caught.0 });
            }
        };
        outputs
            .iter()
            .zip(&self.signature.outputs)
            .map(|(output, spec)| {
                convert::from_tract(output, spec.data_type)
                    .map_err(|reason| RunError::Output { output: spec.name.clone(), reason })
            })
            .collect()
    }

    fn any_rows(&self) -> bool {
        self.any_rows
    }
}

/// Runs each row alone through a plan for one row: what serves a new number of rows of a
/// row-independent model while its own plan is being compiled.
pub(super) struct RowByRow(pub(super) Arc<dyn Plan>);

impl Plan for RowByRow {
    fn run_under(&self, inputs: &[Tensor], control: &RunControl) -> Result<Vec<Tensor>, RunError> {
        let rows = inputs.first().and_then(Tensor::rows).unwrap_or(0);
        let shapes = || inputs.iter().map(|input| input.shape().clone()).collect::<Vec<Shape>>();
        let broken =
            |reason: &str| RunError::Shapes { shapes: shapes(), reason: reason.to_owned() };
        if rows == 0 {
            return Err(broken("there are no rows"));
        }
        let ones = vec![1; rows];
        let columns: Vec<Vec<Tensor>> = inputs
            .iter()
            .map(|input| batch::split(input, &ones))
            .collect::<Option<_>>()
            .ok_or_else(|| broken("inputs differ in their number of rows"))?;
        let mut results: Vec<Vec<Tensor>> = Vec::with_capacity(rows);
        for row in 0..rows {
            let inputs: Vec<Tensor> = columns.iter().map(|column| column[row].clone()).collect();
            results.push(self.0.run_under(&inputs, control)?);
        }
        let outputs = results.first().map_or(0, Vec::len);
        (0..outputs)
            .map(|output| {
                let parts: Vec<&Tensor> = results.iter().map(|row| &row[output]).collect();
                batch::concat(&parts).ok_or_else(|| broken("rows differ in the shape of an output"))
            })
            .collect()
    }

    fn any_rows(&self) -> bool {
        false
    }
}
