//! Convolutions with constant weights run by kernels of our own, which gather the image's
//! numbers by whole vectors, write results where they belong, and take in what stands around:
//!
//! - arithmetic per channel behind it goes into weights and bias. That multiplies each weight
//!   once instead of each sum, so results move by a rounding or two of each product, never by
//!   more: nothing is taken apart that cancelled before;
//! - then the sum with a residual of the same shape, and an activation (see `follow`);
//! - for windows of one point, also what comes before (see `prepared`), and steps over pixels.
//!
//! tract has made products of matrices (`EinSum`) out of windows of one point by then.
//! Not for: weights that are computed, other types than FP32, channels last, three and more axes
//! of pixels, and groups of few channels, where most of a tile would be filling; those of one
//! channel (depthwise) slide over each channel instead.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::cnn::conv::Conv;
use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::TypedOp;

use super::chain::{Channels, floats};
use super::contraction::{Contraction, Source};
use super::convolved::{Convolved, Parts, Place, Prepared};
use super::follow::Following;
use super::pools;
use super::prepared::Origin;
use super::slid::{Depthwise, Kind, Slid, Weights};
use crate::engine::tract::kernels::RowPanels;

/// Channels of the output that a group must have.
const FEW: usize = 4;

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        if let Some(found) = Found::at(model, id) {
            found.replace(model)?;
        }
    }
    model.compact()
}

/// A convolution in the graph.
struct Found {
    node: usize,
    image: OutletId,
    place: Place,
    depth: usize,
    groups: usize,
    following: Following,
}

impl Found {
    fn at(model: &TypedModel, id: usize) -> Option<Self> {
        let node = model.node(id);
        match node.op_as::<Conv>() {
            Some(conv) => Self::window(model, node, conv),
            None => Self::point(model, node),
        }
    }

    fn window(model: &TypedModel, node: &TypedNode, conv: &Conv) -> Option<Self> {
        let spec = &conv.pool_spec;
        let [image, weights, bias] = *node.inputs else { return None };
        let outputs = conv.output_channels();
        let depthwise = conv.group > 1 && conv.group == outputs && outputs == conv.input_channels();
        if conv.q_params.is_some()
            || !pools::takes(spec)
            || (outputs / conv.group < FEW && !depthwise)
            || model.outlet_fact(image).ok()?.datum_type != DatumType::F32
        {
            return None;
        }
        let weights = model.outlet_fact(weights).ok()?.konst.clone()?;
        let weights = conv.kernel_fmt.kernel_as_group_o_ihw(&weights, conv.group).ok()?;
        let bias = model.outlet_fact(bias).ok()?.konst.clone()?;
        let bias = match *floats(&bias)? {
            [all] => vec![all; outputs],
            ref each => each.to_vec(),
        };
        let depth = *weights.shape().last()?;
        let weights = floats(&weights)?.to_vec();
        let place = Place::of_window(spec);
        let (product, axis) = (node.id.into(), place.output_axis());
        let following = Following::after(model, product, axis, weights, depth, Some(bias));
        // A sliding window adds no residual.
        if depthwise && following.residual.is_some() {
            return None;
        }
        Some(Self { node: node.id, image, place, depth, groups: conv.group, following })
    }

    /// A product with a constant matrix that leaves pixels by themselves.
    fn point(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let contraction = Contraction::of(model, node)?;
        let axis = contraction.channel_axis()?;
        let Contraction { value: image, summed, output, weights, depth } = contraction;
        let shape = &model.outlet_fact(image).ok()?.shape;
        let pixels: TDim = shape[summed.end..].iter().product();
        let count = weights.len() / depth;
        // Rows without pixels are `products`.
        if pixels == 1.to_dim() || count < FEW {
            return None;
        }
        let following = Following::after(model, node.id.into(), axis, weights, depth, None);
        let place = Place { channels: summed, output, count, window: None };
        let (image, place) = steps(model, image, &place).unwrap_or((image, place));
        Some(Self { node: node.id, image, place, depth, groups: 1, following })
    }

    fn replace(self, model: &mut TypedModel) -> TractResult<()> {
        let channels = &self.place.channels;
        let origin = if self.place.window.is_none() && channels.len() == 1 {
            Origin::of(model, self.image, Channels { axis: channels.start, count: self.depth })
        } else {
            Origin { pieces: vec![self.image], prepared: None }
        };
        let mut patch = TypedModelPatch::new("convolution");
        let taps = patch.taps(model, origin.pieces.iter().chain(&self.following.residual))?;
        let name = model.node(self.node).name.clone();
        let last = self.following.last;
        let output = patch.wire_node(name, self.operator(origin.prepared), &taps)?[0];
        patch.shunt_outside(model, last, output)?;
        patch.apply(model)
    }

    fn operator(self, prepared: Option<Prepared>) -> Box<dyn TypedOp> {
        let Self { place, depth, groups, following, .. } = self;
        let Following { weights, bias, residual, activation, .. } = following;
        let rows = bias.len() / groups;
        match place.window {
            Some(spec) if groups > 1 && rows == 1 => {
                let weights = Weights(Arc::new(Depthwise { weights, bias, activation }));
                Box::new(Slid { spec, kind: Kind::Depthwise(weights) })
            }
            _ => {
                let groups = weights.chunks_exact((rows * depth).max(1));
                let groups = groups.map(|group| RowPanels::pack(group, depth)).collect();
                let residual = residual.is_some();
                let parts = Parts { place, groups, bias, prepared, residual, activation };
                Box::new(Convolved(Arc::new(parts)))
            }
        }
    }
}

/// An image of which only every so many pixels are looked at, as a window with a stride over the
/// whole: tract takes strides out of windows of one point.
fn steps(model: &TypedModel, image: OutletId, place: &Place) -> Option<(OutletId, Place)> {
    let first = place.channels.end;
    let pixels = model.outlet_fact(image).ok()?.rank() - first;
    let (mut strides, mut image) = (tvec![1; pixels], image);
    while let Some(step) = model.node(image.node).op_as::<Downsample>() {
        let stride = usize::try_from(step.stride).ok()?;
        if step.modulo != 0 || step.axis < first {
            return None;
        }
        strides[step.axis - first] *= stride;
        image = *model.node(image.node).inputs.first()?;
    }
    let output = place.output.iter().map(|source| match *source {
        Source::Axis(axis) if axis >= first => Source::Pixel(axis - first),
        other => other,
    });
    let output = output.collect();
    let steps = strides.iter().any(|stride| *stride > 1) && (1..=2).contains(&pixels);
    let window = PoolSpec {
        data_format: DataFormat::CHW,
        kernel_shape: tvec![1; pixels],
        padding: PaddingSpec::Valid,
        dilations: None,
        strides: Some(strides),
        // The operator knows its channels itself.
        input_channels: 0,
        output_channels: place.count,
    };
    steps.then(|| (image, Place { output, window: Some(window), ..place.clone() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::array::TypedConcat;
    use tract_onnx::tract_core::ops::math::{add, max, min, mul};
    use tract_onnx::tract_core::ops::nn::DataFormat;

    use crate::engine::tract::passes::compared::{
        Compared, Convolution, dims, graph, numbers, with_constant, with_special_numbers,
    };

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
            let compared = Compared::of(model, &[numbers(&shape, 0)]);
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
        super::run(&mut model).unwrap();
        assert!(model.nodes().iter().any(|node| node.op().name() == "Conv"));
    }
}
