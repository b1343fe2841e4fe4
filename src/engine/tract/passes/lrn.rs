//! Local response normalisation of floats runs by whole vectors. tract raises every number to
//! its power by itself, which takes longer than the convolutions around it.
//!
//! The power 3/4 is two square roots, within two roundings of `powf`. Other exponents, and
//! numbers that may make the base negative, stay with tract.

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, op_as_typed_op, op_out_of_plan,
};
use tract_onnx_opl::lrn::Lrn;

use super::chain::floats;
use crate::engine::tract::kernels;

const EXPONENT: f32 = 0.75;

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let node = model.node(id);
        let (Some(lrn), [input]) = (node.op_as::<Lrn>(), &*node.inputs) else { continue };
        let fact = model.outlet_fact(*input)?;
        let sound = lrn.beta == EXPONENT && lrn.alpha >= 0.0 && lrn.bias > 0.0 && lrn.size > 0;
        if sound && fact.datum_type == DatumType::F32 && fact.rank() >= 2 {
            let Lrn { alpha, bias, size, .. } = *lrn;
            model.node_mut(id).op = Box::new(Normalised(kernels::Lrn { alpha, bias, size }));
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq)]
struct Normalised(kernels::Lrn);

impl Eq for Normalised {}

impl Op for Normalised {
    fn name(&self) -> StaticName {
        "LRN".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Normalised {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input] = &*inputs else { bail!("expected one input") };
        let Some(values) = floats(input) else { bail!("expected floats") };
        let mut output = Tensor::zero::<f32>(input.shape())?;
        let channels = input.shape()[1];
        let size = input.shape()[1..].iter().product::<usize>().max(1);
        let mut plain = output.try_as_plain_ram_mut()?;
        let images = values.chunks_exact(size);
        for (image, output) in images.zip(plain.as_slice_mut::<f32>()?.chunks_exact_mut(size)) {
            self.0.run(channels, image, output);
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Normalised {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::prelude::*;

    use super::Lrn;
    use crate::engine::tract::passes::compared::{
        Compared, dims, graph, numbers, with_special_numbers,
    };

    fn compare(lrn: Lrn, shape: &[usize], special: bool) -> Compared {
        let (mut model, x) = graph(&dims(shape));
        model.wire_node("lrn", lrn, &[x]).unwrap();
        let input = numbers(shape, 0);
        Compared::of(model, &[if special { with_special_numbers(input) } else { input }])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn two_roots_are_the_power(
            size in 1usize..8,
            channels in 1usize..20,
            pixels in 1usize..40,
            alpha in 0f32..2.0,
            bias in 0.5f32..3.0,
        ) {
            let lrn = Lrn { alpha, beta: 0.75, bias, size };
            let compared = compare(lrn, &[2, channels, 1, pixels], false);
            prop_assert!(compared.has("LRN"));
        }
    }

    #[test]
    fn special_numbers_are_special_as_before() {
        compare(Lrn { alpha: 1.0, beta: 0.75, bias: 1.0, size: 5 }, &[1, 6, 1, 20], true);
    }

    #[test]
    fn other_exponents_stay_with_tract() {
        let lrn = Lrn { alpha: 1.0, beta: 0.5, bias: 1.0, size: 5 };
        assert!(compare(lrn, &[1, 6, 1, 20], false).has("Lrn"));
    }
}
