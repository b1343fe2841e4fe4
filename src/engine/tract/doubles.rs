//! Element-wise operators of tract that do not take doubles do so here. Floats stay with
//! tract, whose kernels are fast.

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    AxesMapping, EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, op_as_typed_op,
    op_out_of_plan,
};

/// Must come before the optimiser, which evaluates what is constant.
pub(super) fn take_over(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes().len() {
        let Some(function) = function(model.node(node).op().name().as_ref()) else { continue };
        if model.node_input_facts(node)?.iter().all(|fact| fact.datum_type == DatumType::F64) {
            model.node_mut(node).op = Box::new(OnDoubles { function });
        }
    }
    Ok(())
}

/// What one of these operators of tract computes.
fn function(operator: &str) -> Option<Function> {
    match operator {
        "Sigmoid" => Some(Function::Sigmoid),
        "RoundHalfToEven" => Some(Function::Round),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sigmoid,
    Round,
}

impl Function {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Sigmoid => {
                // From the side that does not overflow.
                let positive = 1.0 / (1.0 + (-x.abs()).exp());
                if x < 0.0 { 1.0 - positive } else { positive }
            }
            Self::Round => x.round_ties_even(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OnDoubles {
    function: Function,
}

impl Op for OnDoubles {
    fn name(&self) -> StaticName {
        match self.function {
            Function::Sigmoid => "Sigmoid",
            Function::Round => "Round",
        }
        .into()
    }

    op_as_typed_op!();
}

impl EvalOp for OnDoubles {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Some(input) = inputs.into_iter().next() else { bail!("expected one input") };
        let mut values = input.into_tensor().into_plain_array::<f64>()?;
        values.mapv_inplace(|x| self.function.of(x));
        Ok(tvec!(values.into_tensor().into_tvalue()))
    }
}

impl TypedOp for OnDoubles {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    fn axes_mapping(
        &self,
        inputs: &[&TypedFact],
        outputs: &[&TypedFact],
    ) -> TractResult<AxesMapping> {
        AxesMapping::natural(inputs, outputs)
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn operators_that_tract_has_for_floats_take_doubles() {
        answers::match_onnxruntime("standard_doubles.onnx");
    }
}
