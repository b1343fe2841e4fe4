//! Arithmetic with constants, one for each channel or one for all, as it precedes and follows
//! convolutions: what normalisations and activations are after tract has analysed them.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Min, Mul, Sub};
use tract_onnx::tract_core::ops::nn::LeakyRelu;

use crate::engine::tract::kernels::Activation;

/// What one node does to the value that comes in at a slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Times one number for each channel.
    Scale(Vec<f32>),
    /// Plus one number for each channel.
    Offset(Vec<f32>),
    Activation(Activation),
    /// The smaller of it and a number.
    AtMost(f32),
}

/// The axis of channels, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub(super) axis: usize,
    pub(super) count: usize,
}

/// The only node that a value goes to, with the slot where it comes in. `None` for what leaves
/// the graph.
pub(super) fn only_successor(model: &TypedModel, outlet: OutletId) -> Option<(&TypedNode, usize)> {
    let [successor] = model.outlet_successors(outlet) else { return None };
    if model.output_outlets().ok()?.contains(&outlet) {
        return None;
    }
    Some((model.node(successor.node), successor.slot))
}

/// The step that a node of one output is for the value at a slot, if it is one and leaves shape
/// and type as they are.
pub(super) fn step(
    model: &TypedModel,
    node: &TypedNode,
    slot: usize,
    channels: Channels,
) -> Option<Step> {
    let value = model.outlet_fact(*node.inputs.get(slot)?).ok()?;
    let result = model.outlet_fact(node.id.into()).ok()?;
    if value.datum_type != DatumType::F32
        || result.datum_type != DatumType::F32
        || value.shape != result.shape
    {
        return None;
    }
    if let Some(operator) = node.op_as::<ElementWiseOp>() {
        let slope = operator.0.downcast_ref::<LeakyRelu>()?.alpha;
        return Some(Step::Activation(Activation::Leaky { slope }));
    }
    let operator = &node.op_as::<TypedBinOp>()?.0;
    let constant = model.outlet_fact(*node.inputs.get(1 - slot)?).ok()?.konst.as_ref()?;
    if operator.is::<Max>() {
        let low = uniform(constant)?;
        return Some(Step::Activation(Activation::Clamp { low, high: f32::INFINITY }));
    }
    if operator.is::<Min>() {
        return Some(Step::AtMost(uniform(constant)?));
    }
    let values = per_channel(constant, channels)?;
    if operator.is::<Mul>() {
        Some(Step::Scale(values))
    } else if operator.is::<Add>() {
        Some(Step::Offset(values))
    } else if operator.is::<Sub>() && slot == 0 {
        Some(Step::Offset(values.iter().map(|value| -value).collect()))
    } else if operator.is::<Div>() && slot == 0 && values.iter().all(|value| value.is_normal()) {
        Some(Step::Scale(values.iter().map(|value| value.recip()).collect()))
    } else {
        None
    }
}

/// The number that a constant holds everywhere; not one that is no number.
#[expect(clippy::float_cmp, reason = "the very same number")]
fn uniform(constant: &Tensor) -> Option<f32> {
    let values = floats(constant)?;
    let first = *values.first()?;
    values.iter().all(|value| *value == first).then_some(first)
}

/// A constant's numbers by channel.
fn per_channel(constant: &Tensor, channels: Channels) -> Option<Vec<f32>> {
    let values = floats(constant)?;
    if values.len() == 1 {
        return Some(vec![values[0]; channels.count]);
    }
    let mut others = constant.shape().iter().enumerate();
    let fits =
        others.all(|(axis, &dim)| dim == if axis == channels.axis { channels.count } else { 1 });
    fits.then(|| values.to_vec())
}

/// The numbers of a tensor of floats.
pub(super) fn floats(tensor: &Tensor) -> Option<&[f32]> {
    tensor.as_plain_ram()?.as_slice::<f32>().ok()
}
