//! Gemm (ai.onnx 1 to 13): `alpha * a * b + beta * c`, each factor as it is or transposed.
//!
//! tract's own has its factors in float whatever the matrices are in.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::AxesMapping;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceResult, Solver, StaticName, TensorProxy, bail, check_output_arity, ensure,
    expand,
};

use super::Built;

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let gemm = Gemm {
        alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0),
        beta: node.get_attr_opt("beta")?.unwrap_or(1.0),
        transpose_a: node.get_attr_opt("transA")?.unwrap_or(false),
        transpose_b: node.get_attr_opt("transB")?.unwrap_or(false),
    };
    Ok((expand(gemm), Vec::new()))
}

#[derive(Debug, Clone)]
struct Gemm {
    alpha: f32,
    beta: f32,
    transpose_a: bool,
    transpose_b: bool,
}

impl Expansion for Gemm {
    fn name(&self) -> StaticName {
        "Gemm".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!((2..=3).contains(&inputs.len()), "expected 2 or 3 inputs, came {}", inputs.len());
        check_output_arity(outputs, 1)?;
        let y = &outputs[0];
        for input in inputs {
            s.equals(&input.datum_type, &y.datum_type)?;
        }
        for matrix in [&inputs[0], &inputs[1], y] {
            s.equals(&matrix.rank, 2)?;
        }
        let (rows, inner) = if self.transpose_a { (1, 0) } else { (0, 1) };
        let (inner_b, columns) = if self.transpose_b { (1, 0) } else { (0, 1) };
        s.equals(&inputs[0].shape[rows], &y.shape[0])?;
        s.equals(&inputs[0].shape[inner], &inputs[1].shape[inner_b])?;
        s.equals(&inputs[1].shape[columns], &y.shape[1])
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [a, b, c @ ..] = inputs else { bail!("expected 2 or 3 inputs") };
        let datum_type = model.outlet_fact(*a)?.datum_type;
        let axes = AxesMapping::for_numpy_matmul(2, self.transpose_a, self.transpose_b, false)?;
        let product = EinSum::new(axes, datum_type);
        let product = model.wire_node(format!("{prefix}.product"), product, &[*a, *b])?[0];
        let product = times(model, &format!("{prefix}.alpha"), self.alpha, product)?;
        let Some(&added) = c.first().filter(|_| self.beta != 0.0) else {
            return Ok(tvec!(product));
        };
        let mut added = added;
        while model.outlet_fact(added)?.rank() < 2 {
            let rank = model.outlet_fact(added)?.rank();
            let name = format!("{prefix}.added_axis_{rank}");
            added = model.wire_node(name, AxisOp::Add(0), &[added])?[0];
        }
        let added = times(model, &format!("{prefix}.beta"), self.beta, added)?;
        model.wire_node(prefix, math::add(), &[product, added])
    }
}

/// The matrix times a number.
fn times(
    model: &mut TypedModel,
    name: &str,
    factor: f32,
    matrix: OutletId,
) -> TractResult<OutletId> {
    #[expect(clippy::float_cmp, reason = "one as it is written, so that nothing is multiplied")]
    if factor == 1.0 {
        return Ok(matrix);
    }
    let datum_type = model.outlet_fact(matrix)?.datum_type;
    let factor = tensor0(factor).cast_to_dt(datum_type)?.into_owned().broadcast_into_rank(2)?;
    let factor = model.add_const(format!("{name}.factor"), factor)?;
    Ok(model.wire_node(name, math::mul(), &[factor, matrix])?[0])
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn factors_scale_matrices_of_doubles() {
        answers::match_onnxruntime("standard_gemm_doubles.onnx");
    }
}
