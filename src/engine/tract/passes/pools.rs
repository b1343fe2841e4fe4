//! Pools over floats whose channels come before their pixels slide by whole vectors. tract folds
//! places one by one, and means by a walk over every place of every window.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::slid::{Kind, Slid};

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let Some(slid) = pool(model.node(id)) else { continue };
        let [input] = *model.node(id).inputs else { continue };
        if model.outlet_fact(input)?.datum_type == DatumType::F32 {
            model.node_mut(id).op = Box::new(slid);
        }
    }
    Ok(())
}

fn pool(node: &TypedNode) -> Option<Slid> {
    let (spec, kind) = if let Some(pool) = node.op_as::<MaxPool>() {
        (&pool.pool_spec, pool.with_index_outputs.is_none().then_some(Kind::Largest)?)
    } else {
        let pool = node.op_as::<SumPool>()?;
        let (normalize, count_margins) = (pool.normalize, pool.count_include_pad);
        (&pool.pool_spec, Kind::Sum { normalize, count_margins })
    };
    takes(spec).then(|| Slid { spec: spec.clone(), kind })
}

/// Whether channels come before one or two axes of pixels.
pub(super) fn takes(spec: &PoolSpec) -> bool {
    matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW) && (1..=2).contains(&spec.rank())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec, SumPool};
    use tract_onnx::tract_core::ops::nn::DataFormat;

    use crate::engine::tract::passes::compared::{
        Compared, dims, graph, numbers, with_special_numbers,
    };

    fn spec(kernel: usize, stride: usize, margin: usize, rounded_up: bool) -> PoolSpec {
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![kernel; 2],
            padding: PaddingSpec::ExplicitOnnxPool(tvec![margin; 2], tvec![margin; 2], rounded_up),
            dilations: None,
            strides: Some(tvec![stride; 2]),
            input_channels: 5,
            output_channels: 5,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn maxima_and_means_are_what_tract_finds(
            kernel in 1usize..5,
            stride in 1usize..4,
            margin in 0usize..2,
            rounded_up: bool,
            count_margins: bool,
            size in (6usize..20, 6usize..40),
            images in 1usize..3,
        ) {
            let spec = spec(kernel, stride, margin.min(kernel / 2), rounded_up);
            let shape = [images, 5, size.0, size.1];
            let (mut model, x) = graph(&dims(&shape));
            let largest = MaxPool { pool_spec: spec.clone(), with_index_outputs: None };
            let largest = model.wire_node("largest", largest, &[x]).unwrap()[0];
            let mean =
                SumPool { pool_spec: spec, count_include_pad: count_margins, normalize: true };
            let mean = model.wire_node("mean", mean, &[x]).unwrap()[0];
            model.select_output_outlets(&[largest, mean]).unwrap();
            let compared = Compared::of(model, &[numbers(&shape, 0)]);
            prop_assert!(compared.has("MaxPool") && compared.has("AveragePool"));
        }
    }

    #[test]
    fn maxima_pass_over_what_is_not_a_number() {
        let (mut model, x) = graph(&dims(&[1, 5, 8, 8]));
        let pool = MaxPool { pool_spec: spec(3, 2, 1, false), with_index_outputs: None };
        model.wire_node("largest", pool, &[x]).unwrap();
        Compared::of(model, &[with_special_numbers(numbers(&[1, 5, 8, 8], 0))]);
    }

    #[test]
    fn pools_that_say_where_stay_with_tract() {
        let (mut model, x) = graph(&dims(&[1, 5, 8, 8]));
        let pool =
            MaxPool { pool_spec: spec(2, 2, 0, false), with_index_outputs: Some(DatumType::I64) };
        let outputs = model.wire_node("largest", pool, &[x]).unwrap();
        model.select_output_outlets(&outputs).unwrap();
        super::run(&mut model).unwrap();
        assert!(model.nodes().iter().any(TypedNode::op_is::<MaxPool>));
    }
}
