//! Convolutions on small graphs against the same graph without it.

use proptest::prelude::*;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;
use tract_onnx::tract_core::ops::math::{add, max, min, mul};
use tract_onnx::tract_core::ops::nn::DataFormat;

use crate::engine::tract::passes::compared::{
    Compared, Convolution, dims, graph, numbers, with_constant, with_special_numbers,
};
use crate::engine::tract::passes::{Packing, Shelf};

fn per_channel(channels: usize, seed: usize) -> Tensor {
    numbers(&[1, channels, 1, 1], seed)
}

fn all(value: f32) -> Tensor {
    Tensor::from_shape(&[1, 1, 1, 1], &[value]).unwrap()
}

prop_compose! {
    fn convolutions()(
        groups in 1usize..3,
        channels in (1usize..20, 4usize..30),
        kernel in (1usize..4, 1usize..5),
        stride in (1usize..3, 1usize..4),
        dilation in (1usize..3, 1usize..3),
        margins in (0usize..2, 0usize..3),
    ) -> Convolution {
        Convolution {
            groups,
            inputs: channels.0,
            outputs: channels.1,
            kernel: vec![kernel.0, kernel.1],
            stride: vec![stride.0, stride.1],
            dilation: vec![dilation.0, dilation.1],
            margins: vec![margins.0, margins.1],
            format: DataFormat::NCHW,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_window_gives_what_tract_gives(
        convolution in convolutions(),
        images in 1usize..3,
        size in (7usize..13, 9usize..40),
    ) {
        let shape = [images, convolution.groups * convolution.inputs, size.0, size.1];
        let (mut model, x) = graph(&dims(&shape));
        let y = convolution.wire(&mut model, "conv", x);
        let count = convolution.groups * convolution.outputs;
        let y = with_constant(&mut model, mul(), y, per_channel(count, 3));
        let y = with_constant(&mut model, add(), y, per_channel(count, 4));
        with_constant(&mut model, max(), y, all(0.0));
        // Sums of up to 228 products that cancel are added up in another order.
        let compared = Compared::within(3e-5, model, &[numbers(&shape, 0)]);
        prop_assert!(compared.has("Convolution"));
        // tract takes strides out of windows of one point, and out of some spread ones.
        let kept = convolution.kernel.iter().all(|size| *size > 1);
        if kept && convolution.dilation == [1, 1] {
            prop_assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
        }
    }

    #[test]
    fn windows_of_one_channel_slide(
        channels in 2usize..40,
        kernel in 2usize..6,
        stride in 1usize..4,
        dilation in 1usize..3,
        size in 11usize..40,
        images in 1usize..3,
    ) {
        let mut convolution = Convolution::square(1, 1, kernel);
        convolution.groups = channels;
        convolution.stride = vec![stride; 2];
        convolution.dilation = vec![dilation; 2];
        let shape = [images, channels, size, size];
        let (mut model, x) = graph(&dims(&shape));
        let y = convolution.wire(&mut model, "conv", x);
        let y = with_constant(&mut model, mul(), y, per_channel(channels, 3));
        let y = with_constant(&mut model, max(), y, all(0.0));
        with_constant(&mut model, min(), y, all(6.0));
        let compared = Compared::of(model, &[numbers(&shape, 0)]);
        prop_assert!(compared.has("DepthwiseConvolution"));
        if dilation == 1 {
            prop_assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
        }
    }
}

#[test]
fn windows_over_one_axis_work_too() {
    let convolution = Convolution {
        groups: 1,
        inputs: 3,
        outputs: 20,
        kernel: vec![5],
        stride: vec![2],
        dilation: vec![1],
        margins: vec![2],
        format: DataFormat::NCHW,
    };
    let (mut model, x) = graph(&dims(&[2, 3, 61]));
    convolution.wire(&mut model, "conv", x);
    assert!(Compared::of(model, &[numbers(&[2, 3, 61], 0)]).has("Convolution"));
}

#[test]
fn any_number_of_images_goes_through_the_same_graph() {
    for kernel in [1, 3] {
        for images in [1, 4] {
            let mut model = TypedModel::default();
            let shape = [model.symbols.sym("N").to_dim(), 8.to_dim(), 9.to_dim(), 9.to_dim()];
            let x = model.add_source("x", f32::fact(&shape)).unwrap();
            let y = Convolution::square(8, 8, kernel).wire(&mut model, "conv", x);
            let y = model.wire_node("sum", add(), &[y, x]).unwrap()[0];
            with_constant(&mut model, max(), y, all(0.0));
            let compared = Compared::of(model, &[numbers(&[images, 8, 9, 9], 0)]);
            assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
        }
    }
}

#[test]
fn special_numbers_pass_through_activations_as_before() {
    for kernel in [1, 3] {
        let (mut model, x) = graph(&dims(&[1, 4, 10, 10]));
        let y = Convolution::square(4, 16, kernel).wire(&mut model, "conv", x);
        let y = with_constant(&mut model, add(), y, per_channel(16, 3));
        with_constant(&mut model, max(), y, all(0.0));
        Compared::of(model, &[with_special_numbers(numbers(&[1, 4, 10, 10], 0))]);
    }
}

/// What densely connected networks have before every window of one point.
#[test]
fn what_comes_before_a_point_is_done_while_it_is_gathered() {
    let (mut model, x) = graph(&dims(&[2, 6, 7, 7]));
    let left = Convolution::square(6, 5, 3).wire(&mut model, "left", x);
    let joined = model.wire_node("joined", TypedConcat { axis: 1 }, &[x, left]).unwrap()[0];
    let y = with_constant(&mut model, mul(), joined, per_channel(11, 3));
    let y = with_constant(&mut model, add(), y, per_channel(11, 4));
    let y = with_constant(&mut model, mul(), y, per_channel(11, 5));
    let y = with_constant(&mut model, add(), y, per_channel(11, 6));
    let y = with_constant(&mut model, max(), y, all(0.0));
    Convolution::square(11, 8, 1).wire(&mut model, "conv", y);
    let compared = Compared::of(model, &[numbers(&[2, 6, 7, 7], 0)]);
    assert_eq!(compared.nodes(), 2, "{:?}", compared.operators);
}

#[test]
fn what_is_added_first_stays_where_it_may_cancel() {
    let (mut model, x) = graph(&dims(&[1, 4, 6, 6]));
    let y = with_constant(&mut model, add(), x, all(-1000.0));
    let y = with_constant(&mut model, mul(), y, per_channel(4, 3));
    Convolution::square(4, 4, 1).wire(&mut model, "conv", y);
    let mut close = numbers(&[1, 4, 6, 6], 0);
    let mut plain = close.try_as_plain_ram_mut().unwrap();
    plain.as_slice_mut::<f32>().unwrap().iter_mut().for_each(|value| *value += 1000.0);
    assert!(Compared::of(model, &[close]).has("Add"));
}

#[test]
fn strides_over_points_are_not_a_pass_of_their_own() {
    let mut convolution = Convolution::square(4, 8, 1);
    convolution.stride = vec![2, 2];
    let (mut model, x) = graph(&dims(&[1, 4, 9, 10]));
    convolution.wire(&mut model, "conv", x);
    let compared = Compared::of(model, &[numbers(&[1, 4, 9, 10], 0)]);
    assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
}

#[test]
fn a_value_that_others_need_is_still_made() {
    let (mut model, x) = graph(&dims(&[1, 4, 6, 6]));
    let y = Convolution::square(4, 4, 3).wire(&mut model, "conv", x);
    let scaled = with_constant(&mut model, mul(), y, per_channel(4, 3));
    let cut = with_constant(&mut model, max(), scaled, all(0.0));
    // The middle one is an output of the graph.
    model.select_output_outlets(&[scaled, cut]).unwrap();
    let compared = Compared::of(model, &[numbers(&[1, 4, 6, 6], 0)]);
    assert!(compared.has("Convolution") && compared.has("Max"), "{:?}", compared.operators);
}

#[test]
fn constants_along_another_axis_are_left_alone() {
    let (mut model, x) = graph(&dims(&[1, 6, 6, 6]));
    let y = Convolution::square(6, 6, 3).wire(&mut model, "conv", x);
    with_constant(&mut model, mul(), y, numbers(&[1, 1, 6, 1], 3));
    assert!(Compared::of(model, &[numbers(&[1, 6, 6, 6], 0)]).has("Mul"));
}

#[test]
fn doubles_stay_with_tract() {
    let mut model = TypedModel::default();
    let x = model.add_source("x", f64::fact([1, 4, 6, 6])).unwrap();
    let weights = numbers(&[8, 4, 3, 3], 1).cast_to::<f64>().unwrap().into_owned();
    let weights = model.add_const("w", weights).unwrap();
    let bias = model.add_const("b", tensor0(0f64)).unwrap();
    let conv = tract_onnx::tract_core::ops::cnn::conv::Conv {
        pool_spec: Convolution::square(4, 8, 3).spec(),
        kernel_fmt: tract_onnx::tract_core::ops::cnn::KernelFormat::OIHW,
        group: 1,
        q_params: None,
    };
    let y = model.wire_node("conv", conv, &[x, weights, bias]).unwrap();
    model.select_output_outlets(&y).unwrap();
    super::run(&mut model, &Packing::of(&Shelf::default())).unwrap();
    assert!(model.nodes().iter().any(|node| node.op().name() == "Conv"));
}

#[test]
fn points_of_an_image_of_one_channel_are_a_convolution() {
    let convolution = Convolution { inputs: 1, ..Convolution::square(1, 6, 1) };
    for stride in [[1, 1], [2, 1], [2, 2]] {
        let convolution = Convolution { stride: stride.to_vec(), ..convolution.clone() };
        let shape = [2, 1, 7, 9];
        let (mut model, x) = graph(&dims(&shape));
        let y = convolution.wire(&mut model, "conv", x);
        with_constant(&mut model, add(), y, per_channel(6, 4));
        let compared = Compared::of(model, &[numbers(&shape, 0)]);
        assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
    }
}
