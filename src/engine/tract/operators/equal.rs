//! `Equal` that does not guess.
//!
//! tract compares a symbolic dimension with a number by their spelling, so `N == 1` is
//! false in a plan for any N, and stays false when a request brings one row. This one
//! says nothing until the answer is certain, as tract's own `Less` does.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_core::ops::binary::BinMiniOp;
use tract_onnx::tract_core::ops::logic::CompEq;
use tract_onnx::tract_core::tract_data::TooEarly;
use tract_onnx::tract_hir::internal::{EvalContext, TDim, bail};
use tract_onnx::tract_hir::ops::binary::BinIntoHir;

use super::Built;

#[expect(clippy::unnecessary_wraps, reason = "other builders may fail")]
pub(super) fn build(_: &ParsingContext, _: &NodeProto) -> Built {
    Ok((Equal.into_hir(), Vec::new()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Equal;

impl BinMiniOp for Equal {
    fn name(&self) -> &'static str {
        "Equal"
    }

    fn result_datum_type(&self, a: DatumType, b: DatumType) -> TractResult<DatumType> {
        CompEq.result_datum_type(a, b)
    }

    fn is_commutative(&self) -> bool {
        CompEq.is_commutative()
    }

    fn eval_in_a(&self, a: &mut Tensor, b: &Tensor) -> TractResult<()> {
        CompEq.eval_in_a(a, b)
    }

    fn eval_out_of_place(&self, c: &mut Tensor, a: &Tensor, b: &Tensor) -> TractResult<()> {
        CompEq.eval_out_of_place(c, a, b)
    }

    fn eval(&self, a: TValue, b: TValue, c: DatumType) -> TractResult<Tensor> {
        CompEq.eval(a, b, c)
    }

    fn eval_symbolic(
        &self,
        context: &EvalContext,
        inputs: TVec<TValue>,
    ) -> TractResult<Option<TVec<TValue>>> {
        if inputs.iter().any(|input| input.datum_type() == TDim::datum_type()) {
            ensure_certain(context, &inputs)?;
        }
        CompEq.eval_symbolic(context, inputs)
    }

    fn uniform_tdim_comparison(&self, a: &TDim, b: &TDim) -> Option<TDim> {
        CompEq.uniform_tdim_comparison(a, b)
    }
}

fn ensure_certain(context: &EvalContext, inputs: &[TValue]) -> TractResult<()> {
    let left = inputs[0].cast_to::<TDim>()?;
    let right = inputs[1].cast_to::<TDim>()?;
    let shape = multi_broadcast(&[left.shape(), right.shape()])?;
    let left = left.broadcast_to_shape(&shape)?;
    let right = right.broadcast_to_shape(&shape)?;
    let left = left.to_plain_array_view::<TDim>()?;
    let right = right.to_plain_array_view::<TDim>()?;
    for (left, right) in left.iter().zip(right.iter()) {
        let difference = left.eval(context.symbols) - right.eval(context.symbols);
        let certain = difference == TDim::from(0)
            || difference.prove_strict_positive()
            || difference.prove_strict_negative();
        if !certain {
            bail!(TooEarly::UndeterminedSymbol(difference.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_comparison_with_a_free_dimension_holds_for_every_size() {
        answers::match_onnxruntime("equal_dimension.onnx");
    }
}
