//! The operator that the pass `convolutions` puts in place of tract's.

use std::ops::Range;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::PoolSpec;
use tract_onnx::tract_hir::internal::{
    DimLike, EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, ensure, op_as_typed_op,
    op_out_of_plan,
};

use super::chain::floats;
use super::contraction::Source;
use super::spread::spread;
use crate::engine::tract::kernels::{
    Activation, Bias, Convolution, Finish, Preparation, ROWS, RowPanels, Window, convolve,
};

/// A convolution of floats with constant weights, and what precedes and follows it. Inputs: the
/// image, perhaps in several pieces of channels; then the residual, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Convolved(pub(super) Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) place: Place,
    /// A matrix per group.
    pub(super) groups: Arc<Vec<RowPanels>>,
    pub(super) bias: Vec<f32>,
    pub(super) prepared: Option<Prepared>,
    pub(super) residual: bool,
    pub(super) activation: Activation,
}

/// Where the image's channels and pixels are among the axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The axes of the image that are channels; those before count images, those behind pixels.
    pub(super) channels: Range<usize>,
    /// One for each axis of the output.
    pub(super) output: Vec<Source>,
    /// Channels of the output.
    pub(super) count: usize,
    /// Over the pixels; without one every pixel is by itself.
    pub(super) window: Option<PoolSpec>,
}

/// What each channel of the image goes through first.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) scale: Vec<f32>,
    pub(super) offset: Vec<f32>,
    pub(super) activation: Activation,
}

impl Parts {
    /// Channels of the image.
    fn channels(&self) -> usize {
        let taps: usize =
            self.place.window.as_ref().map_or(1, |spec| spec.kernel_shape.iter().product());
        self.groups.iter().map(|group| group.depth() / taps.max(1)).sum()
    }
}

/// Every image by itself, its channels out of all pieces.
fn channels_of<'a>(
    pieces: &[&'a [f32]],
    image: usize,
    images: usize,
    plane: usize,
) -> Vec<&'a [f32]> {
    let of_piece = |piece: &&'a [f32]| {
        let size = piece.len() / images;
        piece[image * size..][..size].chunks_exact(plane)
    };
    pieces.iter().flat_map(of_piece).collect()
}

impl Parts {
    /// All groups of all images; with several threads, several panels of rows at once.
    fn run(
        &self,
        window: Window,
        images: &[Vec<&[f32]>],
        residual: Option<&[f32]>,
        output: &mut [f32],
    ) {
        let pixels = window.output[0] * window.output[1];
        let rows = self.bias.len() / self.groups.len();
        let size = rows * pixels;
        for (number, output) in output.chunks_exact_mut(size).enumerate() {
            let (image, group) = (number / self.groups.len(), number % self.groups.len());
            let weights = &self.groups[group];
            let depth = images[image].len() / self.groups.len();
            let image = &images[image][group * depth..][..depth];
            let preparation = self.prepared.as_ref().map(Prepared::borrowed);
            let bias = &self.bias[group * rows..][..rows];
            let residual = residual.map(|residual| &residual[number * size..][..size]);
            let work = weights.depth() * size;
            spread(output, ROWS * pixels, work, |first, output| {
                let from = first * ROWS;
                let rows = from..from + output.len() / pixels;
                let finish = Finish {
                    residual: residual.map(|all| &all[from * pixels..][..output.len()]),
                    bias: Bias::Rows(&bias[rows.clone()]),
                    activation: self.activation,
                };
                let panels = first..rows.end.div_ceil(ROWS);
                let convolution = Convolution { window, weights, panels, preparation, finish };
                convolve(&convolution, image, output);
            });
        }
    }
}

impl Prepared {
    /// Only products without groups are prepared.
    fn borrowed(&self) -> Preparation<'_> {
        let Self { scale, offset, activation } = self;
        Preparation { scale, offset, activation: *activation }
    }
}

/// The same weights: a copy of this operator in another graph.
impl PartialEq for Convolved {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Convolved {}

impl Place {
    /// Of an ordinary convolution, channels before pixels.
    pub(super) fn of_window(spec: &PoolSpec) -> Self {
        let axis = usize::from(spec.data_format.has_n());
        let images = (0..axis).map(Source::Axis);
        let pixels = (0..spec.rank()).map(Source::Pixel);
        Self {
            channels: axis..axis + 1,
            output: images.chain([Source::Channels]).chain(pixels).collect(),
            count: spec.output_channels,
            window: Some(spec.clone()),
        }
    }

    /// Where the output has its channels.
    pub(super) fn output_axis(&self) -> usize {
        self.output.iter().position(|source| *source == Source::Channels).unwrap_or(0)
    }

    /// The window for pixels of these dimensions.
    fn window(&self, pixels: &[usize]) -> TractResult<Window> {
        match &self.window {
            Some(spec) => window(spec, pixels),
            None => Ok(Window::point(pixels.iter().product())),
        }
    }

    fn output_shape<D: DimLike>(&self, shape: &[D]) -> TVec<D> {
        let pixels = &shape[self.channels.end..];
        let padded = self.window.as_ref().map(|spec| spec.computed_padding(pixels));
        let dim = |source: &Source| match (source, &padded) {
            (Source::Axis(axis), _) => shape[*axis].clone(),
            (Source::Pixel(axis), Some(padded)) => padded[*axis].convoluted.clone(),
            (Source::Pixel(axis), None) => pixels[*axis].clone(),
            (Source::Channels, _) => self.count.into(),
            (Source::One, _) => 1.into(),
        };
        self.output.iter().map(dim).collect()
    }
}

/// The window of a convolution or a pool for pixels of these dimensions.
pub(super) fn window(spec: &PoolSpec, pixels: &[usize]) -> TractResult<Window> {
    let padded = spec.computed_padding(pixels);
    let before: Vec<usize> = padded.iter().map(|axis| axis.pad_before).collect();
    let output: Vec<usize> = padded.iter().map(|axis| axis.convoluted).collect();
    Ok(Window {
        kernel: two_or(&spec.kernel_shape, 1)?,
        stride: two_or(&spec.strides(), 1)?,
        dilation: two_or(&spec.dilations(), 1)?,
        before: two_or(&before, 0)?,
        input: two_or(pixels, 1)?,
        output: two_or(&output, 1)?,
    })
}

/// Rows and columns; a single axis is columns.
fn two_or(axes: &[usize], missing: usize) -> TractResult<[usize; 2]> {
    match axes {
        [columns] => Ok([missing, *columns]),
        [rows, columns] => Ok([*rows, *columns]),
        other => bail!("a window over {} axes", other.len()),
    }
}

impl Op for Convolved {
    fn name(&self) -> StaticName {
        "Convolution".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Convolved {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let parts = &*self.0;
        let (pieces, residual) = match &*inputs {
            [pieces @ .., residual] if parts.residual => (pieces, Some(slice(residual)?)),
            pieces => (pieces, None),
        };
        let place = &parts.place;
        let shape = pieces[0].shape();
        let (before, pixels) = (&shape[..place.channels.start], &shape[place.channels.end..]);
        let window = place.window(pixels)?;
        let images: usize = before.iter().product();
        let plane: usize = pixels.iter().product();
        let pieces: Vec<&[f32]> = pieces.iter().map(slice).collect::<TractResult<_>>()?;
        let mut output = Tensor::zero::<f32>(&place.output_shape(shape))?;
        let mut plain = output.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        if values.is_empty() {
            return Ok(tvec!(output.into_tvalue()));
        }
        let channels: Vec<Vec<&[f32]>> =
            (0..images).map(|image| channels_of(&pieces, image, images, plane)).collect();
        ensure!(
            channels.iter().all(|channels| channels.len() == parts.channels()),
            "expected {} channels",
            parts.channels()
        );
        ensure!(residual.is_none_or(|residual| residual.len() == values.len()), "another residual");
        parts.run(window, &channels, residual, values);
        Ok(tvec!(output.into_tvalue()))
    }
}

fn slice(value: &TValue) -> TractResult<&[f32]> {
    match floats(value) {
        Some(values) => Ok(values),
        None => bail!("expected floats, came {:?}", value.datum_type()),
    }
}

impl TypedOp for Convolved {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let place = &self.0.place;
        let shape = place.output_shape(&inputs[0].shape);
        Ok(tvec!(DatumType::F32.fact(shape)))
    }

    as_op!();
}
