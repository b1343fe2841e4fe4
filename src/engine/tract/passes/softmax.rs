//! Softmax over the last axes of floats runs by whole vectors; short rows, as attention has them,
//! cost tract more for the calls than for the numbers.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};
use tract_onnx::tract_hir::internal::{
    AxesMapping, EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, op_as_typed_op,
    op_out_of_plan,
};

use crate::engine::tract::kernels;

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let node = model.node(id);
        let (Some(softmax), [input]) = (node.op_as::<Softmax>(), &*node.inputs) else { continue };
        let fact = model.outlet_fact(*input)?;
        let mut axes: Vec<usize> = softmax.axes.to_vec();
        axes.sort_unstable();
        let plain =
            matches!(softmax.kind, SoftmaxKind::Softmax) && softmax.quant_output_dt.is_none();
        let Some(&first) = axes.first() else { continue };
        if plain && fact.datum_type == DatumType::F32 && axes.into_iter().eq(first..fact.rank()) {
            model.node_mut(id).op = Box::new(Shares { first });
        }
    }
    Ok(())
}

/// Softmax over all axes from this one on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shares {
    first: usize,
}

impl Op for Shares {
    fn name(&self) -> StaticName {
        "RowSoftmax".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Shares {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Some(input) = inputs.into_iter().next() else { bail!("expected one input") };
        let mut values = input.into_tensor();
        let row = values.shape()[self.first..].iter().product();
        let mut plain = values.try_as_plain_ram_mut()?;
        kernels::softmax(row, plain.as_slice_mut::<f32>()?);
        Ok(tvec!(values.into_tvalue()))
    }
}

impl TypedOp for Shares {
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
    use proptest::prelude::*;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::math::mul;
    use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

    use crate::engine::tract::passes::compared::{
        Compared, dims, graph, numbers, with_constant, with_special_numbers,
    };

    fn softmax(axes: TVec<usize>) -> Softmax {
        Softmax { axes, quant_output_dt: None, kind: SoftmaxKind::default() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn shares_are_what_tract_finds(rows in 1usize..9, row in 1usize..70, size in 0.1f32..200.0) {
            let (mut model, x) = graph(&dims(&[2, rows, row]));
            let scale = Tensor::from_shape(&[1, 1, 1], &[size]).unwrap();
            let y = with_constant(&mut model, mul(), x, scale);
            model.wire_node("softmax", softmax(tvec![2]), &[y]).unwrap();
            prop_assert!(Compared::of(model, &[numbers(&[2, rows, row], 0)]).has("RowSoftmax"));
        }
    }

    #[test]
    fn what_is_masked_has_no_share() {
        let (mut model, x) = graph(&dims(&[1, 4]));
        model.wire_node("softmax", softmax(tvec![1]), &[x]).unwrap();
        let mask = Tensor::from_shape(&[1, 4], &[0.5, f32::NEG_INFINITY, 1.0, -300.0]).unwrap();
        Compared::of(model, &[mask]);
    }

    #[test]
    fn what_is_not_a_number_spoils_its_row_only() {
        let (mut model, x) = graph(&dims(&[10, 20]));
        model.wire_node("softmax", softmax(tvec![1]), &[x]).unwrap();
        Compared::of(model, &[with_special_numbers(numbers(&[10, 20], 0))]);
    }

    #[test]
    fn other_axes_stay_with_tract() {
        let (mut model, x) = graph(&dims(&[3, 4, 5]));
        model.wire_node("softmax", softmax(tvec![1]), &[x]).unwrap();
        assert!(Compared::of(model, &[numbers(&[3, 4, 5], 0)]).has("Softmax"));
    }
}
