//! The operator that the pass `convolutions` puts in place of tract's.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::PoolSpec;
use tract_onnx::tract_hir::internal::{
    EvalContext, EvalOp, Op, StaticName, TypedOp, as_op, bail, ensure, op_as_typed_op,
    op_out_of_plan,
};

use super::chain::floats;
use crate::engine::tract::kernels::{
    Activation, Bias, Convolution, Finish, Preparation, RowPanels, Window, convolve,
};

/// A convolution of floats with constant weights, and what precedes and follows it. Inputs: the
/// image, perhaps in several pieces of channels; then the residual, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Convolved(pub(super) Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) place: Place,
    /// A matrix per group.
    pub(super) groups: Vec<RowPanels>,
    pub(super) bias: Vec<f32>,
    pub(super) prepared: Option<Prepared>,
    pub(super) residual: bool,
    pub(super) activation: Activation,
}

/// Where the image's channels and pixels are among the axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Every position by itself: the channels are this axis, what follows it are pixels.
    Points { axis: usize, outputs: usize },
    /// A window over one or two axes behind the channels.
    Windows(PoolSpec),
}

/// What each channel of the image goes through first.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) scale: Vec<f32>,
    pub(super) offset: Vec<f32>,
    pub(super) activation: Activation,
}

/// The same weights: a copy of this operator in another graph.
impl PartialEq for Convolved {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Convolved {}

impl Place {
    pub(super) fn axis(&self) -> usize {
        match self {
            Self::Points { axis, .. } => *axis,
            Self::Windows(spec) => usize::from(spec.data_format.has_n()),
        }
    }

    /// The window for an image of this shape.
    pub(super) fn window(&self, shape: &[usize]) -> TractResult<Window> {
        match self {
            Self::Points { axis, .. } => {
                let pixels: usize = shape[axis + 1..].iter().product();
                Ok(Window {
                    kernel: [1, 1],
                    stride: [1, 1],
                    dilation: [1, 1],
                    before: [0, 0],
                    input: [1, pixels],
                    output: [1, pixels],
                })
            }
            Self::Windows(spec) => {
                let image = spec.data_format.shape(shape)?;
                let padded = spec.computed_padding(image.hw_dims());
                Ok(Window {
                    kernel: two(&spec.kernel_shape)?,
                    stride: two(&spec.strides())?,
                    dilation: two(&spec.dilations())?,
                    before: two_or(
                        &padded.iter().map(|axis| axis.pad_before).collect::<Vec<_>>(),
                        0,
                    )?,
                    input: two(image.hw_dims())?,
                    output: two(&padded.iter().map(|axis| axis.convoluted).collect::<Vec<_>>())?,
                })
            }
        }
    }

    fn output_shape(&self, shape: &[usize]) -> TractResult<TVec<usize>> {
        match self {
            Self::Points { axis, outputs } => {
                let mut shape: TVec<usize> = shape.into();
                shape[*axis] = *outputs;
                Ok(shape)
            }
            Self::Windows(spec) => Ok(spec.output_shape(shape)?.shape),
        }
    }
}

/// Rows and columns; a single axis is columns.
fn two(axes: &[usize]) -> TractResult<[usize; 2]> {
    two_or(axes, 1)
}

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
        let axis = parts.place.axis();
        let mut shape: TVec<usize> = pieces[0].shape().into();
        shape[axis] = pieces.iter().map(|piece| piece.shape()[axis]).sum();
        let window = parts.place.window(&shape)?;
        let images: usize = shape[..axis].iter().product();
        let plane: usize = shape[axis + 1..].iter().product();
        let pieces: Vec<&[f32]> = pieces.iter().map(slice).collect::<TractResult<_>>()?;
        let mut output = Tensor::zero::<f32>(&parts.place.output_shape(&shape)?)?;
        let mut plain = output.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        if values.is_empty() {
            drop(plain);
            return Ok(tvec!(output.into_tvalue()));
        }
        let size = values.len() / images;
        for (number, values) in values.chunks_exact_mut(size).enumerate() {
            let channels: Vec<&[f32]> = pieces
                .iter()
                .flat_map(|piece| {
                    let size = piece.len() / images;
                    piece[number * size..][..size].chunks_exact(plane)
                })
                .collect();
            ensure!(channels.len() == shape[axis], "an image with other channels than its weights");
            let convolution = Convolution {
                window,
                groups: &parts.groups,
                preparation: parts.prepared.as_ref().map(|prepared| Preparation {
                    scale: &prepared.scale,
                    offset: &prepared.offset,
                    activation: prepared.activation,
                }),
                finish: Finish {
                    bias: Bias::Rows(&parts.bias),
                    residual: residual.map(|residual| &residual[number * size..][..size]),
                    activation: parts.activation,
                },
            };
            convolve(&convolution, &channels, values);
        }
        drop(plain);
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
        let parts = &*self.0;
        let pieces = &inputs[..inputs.len() - usize::from(parts.residual)];
        let axis = parts.place.axis();
        let mut fact = pieces[0].without_value();
        let channels: TDim = pieces.iter().map(|piece| piece.shape[axis].clone()).sum();
        fact.shape.set(axis, channels);
        match &parts.place {
            Place::Points { outputs, .. } => fact.shape.set(axis, outputs.to_dim()),
            Place::Windows(spec) => return spec.output_facts(&[&fact]),
        }
        Ok(tvec!(DatumType::F32.fact(fact.shape)))
    }

    as_op!();
}
