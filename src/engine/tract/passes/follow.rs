//! What follows a product with constant weights and can be done before its sums are written.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::Add;

use super::chain::{self, Channels, Step};
use crate::engine::tract::kernels::Activation;

/// A product with what follows it taken in.
pub(super) struct Following {
    /// A row for each channel of the output.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// A value of the output's shape that is added.
    pub(super) residual: Option<OutletId>,
    pub(super) activation: Activation,
    /// The last value that this stands for.
    pub(super) last: OutletId,
}

impl Following {
    /// Goes on from a product whose output has its channels at an axis.
    pub(super) fn after(
        model: &TypedModel,
        product: OutletId,
        axis: usize,
        weights: Vec<f32>,
        depth: usize,
        bias: Option<Vec<f32>>,
    ) -> Self {
        let rows = weights.len() / depth.max(1);
        let bias = bias.unwrap_or_else(|| vec![0.0; rows]);
        let activation = Activation::None;
        let mut all = Self { weights, bias, residual: None, activation, last: product };
        let channels = Channels { axis, count: rows };
        while let Some((next, slot)) = chain::only_successor(model, all.last) {
            let taken = match chain::step(model, next, slot, channels) {
                Some(step) => all.take(step, depth),
                None => all.take_residual(model, next, slot),
            };
            if !taken {
                break;
            }
            all.last = next.id.into();
        }
        all
    }

    fn take(&mut self, step: Step, depth: usize) -> bool {
        let linear = self.activation == Activation::None;
        match step {
            Step::Scale(factors) if linear && self.residual.is_none() => {
                let rows = self.weights.chunks_exact_mut(depth.max(1));
                for ((row, bias), factor) in rows.zip(&mut self.bias).zip(factors) {
                    for weight in row {
                        *weight *= factor;
                    }
                    *bias *= factor;
                }
            }
            Step::Offset(terms) if linear => {
                self.bias.iter_mut().zip(terms).for_each(|(bias, term)| *bias += term);
            }
            Step::Activation(activation) if linear => self.activation = activation,
            Step::AtMost(most) => match &mut self.activation {
                Activation::Clamp { low, high } if *low <= most => *high = high.min(most),
                _ => return false,
            },
            Step::Scale(_) | Step::Offset(_) | Step::Activation(_) => return false,
        }
        true
    }

    /// Takes in what a node adds to the value, if it adds something of the same shape.
    fn take_residual(&mut self, model: &TypedModel, node: &TypedNode, slot: usize) -> bool {
        let linear = self.activation == Activation::None;
        let adds = node.op_as::<TypedBinOp>().is_some_and(|operator| operator.0.is::<Add>());
        if !linear || self.residual.is_some() || !adds {
            return false;
        }
        let [value, other] = [node.inputs[slot], node.inputs[1 - slot]];
        let (Ok(fact), Ok(other_fact)) = (model.outlet_fact(value), model.outlet_fact(other))
        else {
            return false;
        };
        let alike = fact.datum_type == other_fact.datum_type && fact.shape == other_fact.shape;
        if alike && other != value {
            self.residual = Some(other);
        }
        self.residual.is_some()
    }
}
