//! Element-wise operators of tract that do not take doubles do so here. Floats stay with
//! tract, whose kernels are fast.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::LeakyRelu;
use tract_onnx::tract_hir::internal::{
    AxesMapping, EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, op_as_typed_op,
    op_out_of_plan,
};

/// Must come before the optimiser, which evaluates what is constant.
pub(super) fn take_over(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes().len() {
        let Some(function) = function(model.node(node).op.as_ref()) else { continue };
        if model.node_input_facts(node)?.iter().all(|fact| fact.datum_type == DatumType::F64) {
            model.node_mut(node).op = Box::new(OnDoubles { function });
        }
    }
    Ok(())
}

/// What one of these operators of tract computes.
fn function(operator: &dyn TypedOp) -> Option<Function> {
    let element_wise = &operator.downcast_ref::<ElementWiseOp>()?.0;
    match element_wise.name().as_str() {
        "Sigmoid" => Some(Function::Sigmoid),
        "RoundHalfToEven" => Some(Function::Round),
        "Erf" => Some(Function::Erf),
        "HardSwish" => Some(Function::HardSwish),
        "LeakyRelu" => {
            let alpha = element_wise.downcast_ref::<LeakyRelu>()?.alpha;
            Some(Function::LeakyRelu { alpha: f64::from(alpha).to_bits() })
        }
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sigmoid,
    Round,
    Erf,
    HardSwish,
    /// The bits of a double, which compare.
    LeakyRelu {
        alpha: u64,
    },
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
            Self::Erf => libm::erf(x),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::LeakyRelu { alpha } if x < 0.0 => f64::from_bits(alpha) * x,
            Self::LeakyRelu { .. } => x,
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
            Function::Erf => "Erf",
            Function::HardSwish => "HardSwish",
            Function::LeakyRelu { .. } => "LeakyRelu",
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
    use super::Function;
    use crate::engine::tract::answers;

    /// Abramowitz and Stegun, table 7.1, and the definitions of the operators.
    #[test]
    fn operators_that_onnxruntime_has_for_floats_only_are_as_exact_as_doubles() {
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-10, "{got}");
        close(Function::Erf.of(0.5), 0.520_499_877_8);
        close(Function::Erf.of(-1.0), -0.842_700_792_9);
        let leaky = Function::LeakyRelu { alpha: 0.25f64.to_bits() };
        for (x, expected) in [(-4.0, -1.0), (0.0, 0.0), (3.0, 3.0)] {
            close(leaky.of(x), expected);
        }
        for (x, expected) in [(-4.0, 0.0), (-3.0, 0.0), (0.0, 0.0), (3.0, 3.0), (4.0, 4.0)] {
            close(Function::HardSwish.of(x), expected);
        }
        close(Function::HardSwish.of(1.0), 2.0 / 3.0);
    }

    #[test]
    fn operators_that_tract_has_for_floats_take_doubles() {
        answers::match_onnxruntime("standard_doubles.onnx");
    }
}
