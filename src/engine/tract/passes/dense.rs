//! The operator that the pass `products` puts in place of tract's.

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
use super::windows::Windows;
use crate::engine::tract::kernels::{Activation, Bias, ColumnPanels, Finish, ROWS, Rows, dense};

/// Rows times a constant matrix, and what follows. Inputs: what the rows are in; then the
/// residual, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Dense(pub(super) Arc<Product>);

#[derive(Debug)]
pub(super) struct Product {
    pub(super) rows: From,
    pub(super) matrix: Arc<ColumnPanels>,
    pub(super) bias: Vec<f32>,
    pub(super) residual: bool,
    pub(super) activation: Activation,
}

/// Where the rows come from.
#[derive(Debug)]
pub(super) enum From {
    /// The last axes, from the first of them; with a source for each axis of the output.
    Axes { first: usize, output: Vec<Source> },
    /// The windows of an image whose channels are the last axis.
    Windows(Box<PoolSpec>),
}

impl From {
    fn output_shape<D: DimLike>(&self, shape: &[D], columns: usize) -> TractResult<TVec<D>> {
        let dim = |source: &Source| match *source {
            Source::Axis(axis) => shape[axis].clone(),
            Source::Channels => columns.into(),
            Source::Pixel(_) | Source::One => 1.into(),
        };
        match self {
            Self::Axes { output, .. } => Ok(output.iter().map(dim).collect()),
            Self::Windows(spec) => Ok(spec.output_shape(shape)?.shape),
        }
    }
}

impl Product {
    fn run(&self, rows: Rows<'_>, residual: Option<&[f32]>, output: &mut [f32]) {
        let columns = self.matrix.columns();
        let work = self.matrix.depth() * output.len();
        spread(output, ROWS * columns, work, |first, output| {
            let from = first * ROWS;
            let starts = &rows.starts[from..from + output.len() / columns];
            let finish = Finish {
                bias: Bias::Columns(&self.bias),
                residual: residual.map(|all| &all[from * columns..][..output.len()]),
                activation: self.activation,
            };
            dense(Rows { starts, ..rows }, &self.matrix, &finish, output);
        });
    }
}

/// The same matrix: a copy of this operator in another graph.
impl PartialEq for Dense {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Dense {}

impl Op for Dense {
    fn name(&self) -> StaticName {
        match self.0.rows {
            From::Axes { .. } => "MatMul",
            From::Windows(_) => "Convolution",
        }
        .into()
    }

    op_as_typed_op!();
}

impl EvalOp for Dense {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Product { rows, matrix, .. } = &*self.0;
        let values = inputs.iter().map(|input| floats(input));
        let Some(values) = values.collect::<Option<Vec<_>>>() else { bail!("expected floats") };
        let shape = inputs[0].shape();
        let mut output = Tensor::zero::<f32>(&rows.output_shape(shape, matrix.columns())?)?;
        let residual = values.get(1).copied();
        ensure!(residual.is_none_or(|values| values.len() == output.len()), "another residual");
        let mut plain = output.try_as_plain_ram_mut()?;
        let target = plain.as_slice_mut::<f32>()?;
        match rows {
            From::Axes { first, .. } => {
                let depth: usize = shape[*first..].iter().product();
                ensure!(depth == matrix.depth(), "expected rows of {}", matrix.depth());
                let starts: Vec<usize> = (0..values[0].len()).step_by(depth).collect();
                let rows = Rows { values: values[0], starts: &starts, piece: depth, step: 0 };
                self.0.run(rows, residual, target);
            }
            From::Windows(spec) => {
                let windows = Windows::new(spec, shape, values[0])?;
                ensure!(windows.depth() == matrix.depth(), "expected rows of {}", matrix.depth());
                self.0.run(windows.rows(), residual, target);
            }
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Dense {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let Product { rows, matrix, residual, .. } = &*self.0;
        ensure!(inputs.len() == 1 + usize::from(*residual), "a residual is missing");
        Ok(tvec!(DatumType::F32.fact(rows.output_shape(&inputs[0].shape, matrix.columns())?)))
    }

    as_op!();
}
