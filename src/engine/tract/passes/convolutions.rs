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
use super::packing::Packing;
use super::pools;
use super::prepared::Origin;
use super::slid::{Depthwise, Kind, Slid, Weights};
use crate::engine::tract::kernels::RowPanels;

/// Channels of the output that a group must have.
const FEW: usize = 4;

pub(super) fn run(model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
    for id in model.eval_order()? {
        if let Some(found) = Found::at(model, id) {
            found.replace(model, packing)?;
        }
    }
    model.compact()
}

/// A convolution in the graph.
struct Found {
    node: usize,
    image: OutletId,
    place: Place,
    /// A row for each channel of the output.
    weights: Vec<f32>,
    /// What the weights are made from.
    source: Arc<Tensor>,
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
        let source = model.outlet_fact(weights).ok()?.konst.clone()?;
        let weights = conv.kernel_fmt.kernel_as_group_o_ihw(&source, conv.group).ok()?;
        let bias = model.outlet_fact(bias).ok()?.konst.clone()?;
        let bias = match *floats(&bias)? {
            [all] => vec![all; outputs],
            ref each => each.to_vec(),
        };
        let depth = *weights.shape().last()?;
        let weights = floats(&weights)?.to_vec();
        let place = Place::of_window(spec);
        let (product, axis) = (node.id.into(), place.output_axis());
        let following = Following::after(model, product, axis, bias);
        // A sliding window adds no residual.
        if depthwise && following.residual.is_some() {
            return None;
        }
        let (weights, groups) = (following.scaled(weights, depth), conv.group);
        Some(Self { node: node.id, image, place, weights, source, depth, groups, following })
    }

    /// A product with a constant matrix that leaves pixels by themselves.
    fn point(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let contraction = Contraction::of(model, node)?;
        let axis = contraction.channel_axis()?;
        let Contraction { value: image, summed, output, matrix } = contraction;
        let shape = &model.outlet_fact(image).ok()?.shape;
        let pixels: TDim = shape[summed.end..].iter().product();
        let count = matrix.rows;
        // Rows without pixels are `products`.
        if pixels == 1.to_dim() || count < FEW {
            return None;
        }
        let following = Following::after(model, node.id.into(), axis, vec![0.0; count]);
        let depth = matrix.depth;
        let weights = following.scaled(matrix.to_rows()?, depth);
        let place = Place { channels: summed, output, count, window: None };
        let (image, place) = steps(model, image, &place).unwrap_or((image, place));
        let source = matrix.values();
        Some(Self { node: node.id, image, place, weights, source, depth, groups: 1, following })
    }

    fn replace(self, model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
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
        let output = patch.wire_node(name, self.operator(origin.prepared, packing), &taps)?[0];
        patch.shunt_outside(model, last, output)?;
        patch.apply(model)
    }

    fn operator(self, prepared: Option<Prepared>, packing: &Packing<'_>) -> Box<dyn TypedOp> {
        let Self { place, weights, source, depth, groups, following, .. } = self;
        let Following { bias, residual, activation, .. } = following;
        let rows = bias.len() / groups;
        match place.window {
            Some(spec) if groups > 1 && rows == 1 => {
                let weights = Weights(Arc::new(Depthwise { weights, bias, activation }));
                Box::new(Slid { spec, kind: Kind::Depthwise(weights) })
            }
            _ => {
                let groups = weights.chunks_exact((rows * depth).max(1));
                let groups = groups.map(|group| RowPanels::pack(group, depth)).collect();
                let groups = packing.rows(&source, groups);
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
mod tests;
