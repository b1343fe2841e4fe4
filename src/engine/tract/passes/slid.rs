//! The operator that the passes put in place of tract's pools and depthwise convolutions.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_onnx::tract_hir::internal::{
    EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, op_as_typed_op, op_out_of_plan,
};

use super::chain::floats;
use super::convolved::window;
use super::spread::spread;
use crate::engine::tract::kernels::{Activation, Slide, Window, slide};

/// A window that slides over each channel by itself. Channels come before pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slid {
    pub(super) spec: PoolSpec,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Depthwise(Weights),
    Largest,
    /// The sum, or the mean.
    Sum {
        normalize: bool,
        count_margins: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Weights(pub(super) Arc<Depthwise>);

#[derive(Debug)]
pub(super) struct Depthwise {
    /// One for each place of the window, channel by channel.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) activation: Activation,
}

impl Depthwise {
    /// Channels from one on, counted through all images.
    fn run(&self, window: Window, first: usize, image: &[f32], output: &mut [f32]) {
        let count = self.bias.len();
        let places = window.kernel[0] * window.kernel[1];
        let [plane, size] =
            [window.input, window.output].map(|[rows, columns]| (rows * columns).max(1));
        let (mut image, mut output, mut channel) = (image, output, first % count);
        // Up to the last channel of an image; the next one starts with the first again.
        while !output.is_empty() {
            let some = (count - channel).min(output.len() / size);
            let (values, other_values) = std::mem::take(&mut output).split_at_mut(some * size);
            let (part, rest) = image.split_at(some * plane);
            let kind = Slide::Weighted {
                weights: &self.weights[channel * places..],
                bias: &self.bias[channel..],
                activation: self.activation,
            };
            slide(window, kind, part, values);
            (image, output, channel) = (rest, other_values, 0);
        }
    }
}

/// The same weights: a copy of this operator in another graph.
impl PartialEq for Weights {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Weights {}

impl Op for Slid {
    fn name(&self) -> StaticName {
        match self.kind {
            Kind::Depthwise(_) => "DepthwiseConvolution",
            Kind::Largest => "MaxPool",
            Kind::Sum { .. } => "AveragePool",
        }
        .into()
    }

    op_as_typed_op!();
}

impl EvalOp for Slid {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input] = &*inputs else { bail!("expected one input") };
        let Some(image) = floats(input) else { bail!("expected floats") };
        let pixels = &input.shape()[1 + usize::from(self.spec.data_format.has_n())..];
        let window = window(&self.spec, pixels)?;
        let shape = self.spec.output_shape(input.shape())?.shape;
        let mut output = Tensor::zero::<f32>(&shape)?;
        let mut plain = output.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        let factors = match self.kind {
            Kind::Sum { normalize, count_margins } => {
                self.factors(&window, normalize, count_margins)
            }
            Kind::Depthwise(_) | Kind::Largest => Vec::new(),
        };
        let places = window.kernel[0] * window.kernel[1];
        let [plane, size] = [window.input, window.output].map(|[rows, columns]| rows * columns);
        let work = values.len() * places;
        spread(values, size, work, |first, values| {
            let channels = values.len() / size.max(1);
            let image = &image[first * plane..][..channels * plane];
            match &self.kind {
                Kind::Depthwise(weights) => {
                    weights.0.run(window, first, image, values);
                }
                Kind::Largest => slide(window, Slide::Largest, image, values),
                Kind::Sum { .. } => slide(window, Slide::Sum { factors: &factors }, image, values),
            }
        });
        Ok(tvec!(output.into_tvalue()))
    }
}

impl Slid {
    /// What each sum is multiplied with.
    fn factors(&self, window: &Window, normalize: bool, count_margins: bool) -> Vec<f32> {
        let [rows, columns] = window.output;
        if !normalize {
            return vec![1.0; rows * columns];
        }
        let counts = |axis: usize| -> Vec<usize> {
            let inside = self.counted(window, axis, count_margins);
            let starts = (0..window.output[axis]).map(|at| at * window.stride[axis]);
            let steps = |start: usize| {
                (0..window.kernel[axis]).map(move |step| start + step * window.dilation[axis])
            };
            starts.map(|start| steps(start).filter(|at| inside.contains(at)).count()).collect()
        };
        let (by_row, by_column) = (counts(0), counts(1));
        let pairs = by_row.iter().flat_map(|row| by_column.iter().map(move |column| row * column));
        #[expect(clippy::cast_precision_loss, reason = "windows are small")]
        pairs.map(|count| (count as f32).recip()).collect()
    }

    /// The places along an axis that count, from the start of the margin.
    fn counted(&self, window: &Window, axis: usize, margins: bool) -> std::ops::Range<usize> {
        let (before, input) = (window.before[axis], window.input[axis]);
        if !margins {
            return before..before + input;
        }
        match &self.spec.padding {
            // What a rounded-up window has beyond the margin does not count.
            PaddingSpec::ExplicitOnnxPool(_, after, true) => {
                let missing = 2 - after.len();
                let after = axis.checked_sub(missing).and_then(|axis| after.get(axis));
                0..before + input + after.copied().unwrap_or(0)
            }
            _ => 0..usize::MAX,
        }
    }
}

impl TypedOp for Slid {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.spec.output_facts(inputs)
    }

    as_op!();
}
