//! What follows a product with constant weights and can be done before its sums are written.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::Add;

use super::chain::{self, Channels, Step};
use crate::engine::tract::kernels::Activation;

/// A product with what follows it taken in.
pub(super) struct Following {
    /// What the weights of each channel of the output are multiplied by.
    pub(super) scale: Vec<f32>,
    /// What is added after that.
    pub(super) bias: Vec<f32>,
    /// A value of the output's shape that is added.
    pub(super) residual: Option<OutletId>,
    pub(super) activation: Activation,
    /// The last value that this stands for.
    pub(super) last: OutletId,
}

impl Following {
    /// Goes on from a product whose output has its channels at an axis; each has a bias.
    pub(super) fn after(
        model: &TypedModel,
        product: OutletId,
        axis: usize,
        bias: Vec<f32>,
    ) -> Self {
        let channels = Channels { axis, count: bias.len() };
        let scale = vec![1.0; bias.len()];
        let activation = Activation::None;
        let mut all = Self { scale, bias, residual: None, activation, last: product };
        while let Some((next, slot)) = chain::only_successor(model, all.last) {
            let taken = match chain::step(model, next, slot, channels) {
                Some(step) => all.take(step),
                None => all.take_residual(model, next, slot),
            };
            if !taken {
                break;
            }
            all.last = next.id.into();
        }
        all
    }

    fn take(&mut self, step: Step) -> bool {
        let linear = self.activation == Activation::None;
        match step {
            Step::Scale(factors) if linear && self.residual.is_none() && self.takes(&factors) => {
                for ((scale, bias), factor) in
                    self.scale.iter_mut().zip(&mut self.bias).zip(factors)
                {
                    *scale *= factor;
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

    /// The weights with their scale, from a row for each channel.
    pub(super) fn scaled(&self, mut weights: Vec<f32>, depth: usize) -> Vec<f32> {
        for (row, scale) in weights.chunks_exact_mut(depth.max(1)).zip(&self.scale) {
            for weight in row {
                *weight *= scale;
            }
        }
        weights
    }

    /// Whether weights times all scales are numbers with all their digits: scales are moderate.
    fn takes(&self, factors: &[f32]) -> bool {
        const SMALLEST: f32 = 1e-18;
        let keeps = |(scale, factor): (&f32, &f32)| {
            let product = (scale * factor).abs();
            product == 0.0 || (SMALLEST..=1.0 / SMALLEST).contains(&product)
        };
        self.scale.iter().zip(factors).all(keeps)
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
