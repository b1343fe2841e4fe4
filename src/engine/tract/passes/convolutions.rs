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
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::{InOut, TypedOp};

use super::chain::{Channels, floats};
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
            None => Self::point(model, node, node.op_as::<EinSum>()?),
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
        let place = Place::Windows(spec.clone());
        let axis = place.axis();
        let product = node.id.into();
        let following = Following::after(model, product, axis, weights, depth, Some(bias));
        // A sliding window adds no residual.
        if depthwise && following.residual.is_some() {
            return None;
        }
        Some(Self { node: node.id, image, place, depth, groups: conv.group, following })
    }

    /// A product with a constant matrix along an axis that is not the last.
    fn point(model: &TypedModel, node: &TypedNode, einsum: &EinSum) -> Option<Self> {
        let [image, matrix] = *node.inputs else { return None };
        let weights = model.outlet_fact(matrix).ok()?.konst.clone()?;
        let fact = model.outlet_fact(image).ok()?;
        if einsum.q_params.is_some()
            || fact.datum_type != DatumType::F32
            || weights.datum_type() != DatumType::F32
            || weights.rank() != 2
        {
            return None;
        }
        let axes = &einsum.axes;
        let sum = axes.iter_all_axes().find(|axis| axis.outputs[0].is_empty())?;
        let (&[axis], &[sum_axis]) = (&*sum.inputs[0], &*sum.inputs[1]) else { return None };
        let output = axes.axis((InOut::In(1), 1 - sum_axis)).ok()?;
        let others_stay = (0..fact.rank()).filter(|&other| other != axis).all(|other| {
            axes.axis((InOut::In(0), other)).is_ok_and(|other_axis| {
                other_axis.inputs[1].is_empty()
                    && *other_axis.inputs[0] == [other]
                    && *other_axis.outputs[0] == [other]
            })
        });
        if !others_stay
            || axis + 1 >= fact.rank()
            || *output.outputs[0] != [axis]
            || !output.inputs[0].is_empty()
        {
            return None;
        }
        let matrix = weights.to_plain_array_view::<f32>().ok()?;
        let matrix = matrix.into_dimensionality::<tract_ndarray::Ix2>().ok()?;
        let matrix = if sum_axis == 1 { matrix } else { matrix.reversed_axes() };
        let (outputs, depth) = matrix.dim();
        if outputs < FEW || depth == 0 {
            return None;
        }
        let weights = matrix.iter().copied().collect();
        let following = Following::after(model, node.id.into(), axis, weights, depth, None);
        let (image, place) = steps(model, image, axis, [depth, outputs])
            .unwrap_or((image, Place::Points { axis, outputs }));
        Some(Self { node: node.id, image, place, depth, groups: 1, following })
    }

    fn replace(self, model: &mut TypedModel) -> TractResult<()> {
        let origin = match self.place {
            Place::Points { axis, .. } => {
                Origin::of(model, self.image, Channels { axis, count: self.depth })
            }
            Place::Windows(_) => Origin { pieces: vec![self.image], prepared: None },
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
        match place {
            Place::Windows(spec) if groups > 1 && rows == 1 => {
                let weights = Weights(Arc::new(Depthwise { weights, bias, activation }));
                Box::new(Slid { spec, kind: Kind::Depthwise(weights) })
            }
            place => {
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
fn steps(
    model: &TypedModel,
    image: OutletId,
    axis: usize,
    [inputs, outputs]: [usize; 2],
) -> Option<(OutletId, Place)> {
    let pixels = model.outlet_fact(image).ok()?.rank() - axis - 1;
    let data_format = match axis {
        0 => DataFormat::CHW,
        1 => DataFormat::NCHW,
        _ => return None,
    };
    let (mut strides, mut image) = (tvec![1; pixels], image);
    while let Some(step) = model.node(image.node).op_as::<Downsample>() {
        let pixel = step.axis.checked_sub(axis + 1)?;
        let stride = usize::try_from(step.stride).ok()?;
        if step.modulo != 0 {
            return None;
        }
        strides[pixel] *= stride;
        image = *model.node(image.node).inputs.first()?;
    }
    let spec = PoolSpec {
        data_format,
        kernel_shape: tvec![1; pixels],
        padding: PaddingSpec::Valid,
        dilations: None,
        strides: Some(strides.clone()),
        input_channels: inputs,
        output_channels: outputs,
    };
    let steps = strides.iter().any(|stride| *stride > 1) && pools::takes(&spec);
    steps.then_some((image, Place::Windows(spec)))
}
