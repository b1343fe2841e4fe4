//! What can be done to an image while a convolution gathers its numbers: arithmetic per channel,
//! then an activation; and pieces of channels that need not be joined before.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;

use super::chain::{self, Channels, Step};
use super::convolved::Prepared;
use crate::engine::tract::kernels::Activation;

/// Where an image comes from, and what happens to it on the way.
pub(super) struct Origin {
    pub(super) pieces: Vec<OutletId>,
    pub(super) prepared: Option<Prepared>,
}

impl Origin {
    /// Goes back from an image over nodes that only it needs.
    pub(super) fn of(model: &TypedModel, image: OutletId, channels: Channels) -> Self {
        let (image, linear) = Linear::before(model, image, channels);
        let mut pieces = Vec::new();
        gather_pieces(model, image, channels.axis, &mut pieces);
        Self { pieces, prepared: linear.map(Linear::prepared) }
    }
}

/// `activation(scale * x + offset)`.
#[derive(Clone)]
struct Linear {
    scale: Vec<f32>,
    offset: Vec<f32>,
    activation: Activation,
    steps: usize,
}

impl Linear {
    fn none(channels: Channels) -> Self {
        Self {
            scale: vec![1.0; channels.count],
            offset: vec![0.0; channels.count],
            activation: Activation::None,
            steps: 0,
        }
    }

    /// The arithmetic before an image, if there is any, and the image before it.
    fn before(model: &TypedModel, image: OutletId, channels: Channels) -> (OutletId, Option<Self>) {
        let mut found = (image, None);
        let mut linear = Self::none(channels);
        let mut image = image;
        while let Some((before, step)) = step_before(model, image, channels) {
            let is_offset = matches!(step, Step::Offset(_));
            if !linear.take(step) {
                break;
            }
            image = before;
            // What is added first may cancel, and then its scaling must not come before it. What
            // is added to a product was rounded like the product.
            if !is_offset {
                found = (image, Some(linear.clone()));
            }
        }
        found
    }

    /// Takes in the step that comes before all that is here.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Activation(activation) if self.steps == 0 => {
                self.activation = activation;
            }
            Step::Scale(factors) => {
                self.scale.iter_mut().zip(factors).for_each(|(scale, factor)| *scale *= factor);
            }
            Step::Offset(terms) => {
                let scaled = self.scale.iter().zip(terms).map(|(scale, term)| scale * term);
                self.offset.iter_mut().zip(scaled).for_each(|(offset, term)| *offset += term);
            }
            Step::Activation(_) | Step::AtMost(_) => return false,
        }
        self.steps += 1;
        true
    }

    fn prepared(self) -> Prepared {
        Prepared { scale: self.scale, offset: self.offset, activation: self.activation }
    }
}

/// The step that makes an image, and what it makes it from, if nobody else needs the image.
fn step_before(
    model: &TypedModel,
    image: OutletId,
    channels: Channels,
) -> Option<(OutletId, Step)> {
    chain::only_successor(model, image)?;
    let node = model.node(image.node);
    (0..node.inputs.len())
        .find_map(|slot| Some((node.inputs[slot], chain::step(model, node, slot, channels)?)))
}

fn gather_pieces(model: &TypedModel, image: OutletId, axis: usize, pieces: &mut Vec<OutletId>) {
    let node = model.node(image.node);
    match node.op_as::<TypedConcat>() {
        Some(concat) if concat.axis == axis => {
            node.inputs.iter().for_each(|piece| gather_pieces(model, *piece, axis, pieces));
        }
        _ => pieces.push(image),
    }
}
