//! Ensembles of decision trees: `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and
//! `TreeEnsemble` (ai.onnx.ml 1, 3 and 5), over one kernel.
//!
//! A file's attributes become a [`source::Source`]; `questions` says every comparison in
//! terms of one; `forest` lays the nodes out, `walk` runs rows down the trees and `scores`
//! adds up what the leaves give, tree after tree as onnxruntime does, so that sums round
//! alike. The operators differ in what they make of the scores.

mod classifier;
mod ensemble;
mod flat;
mod forest;
mod indexed;
mod number;
#[cfg(test)]
mod property;
mod questions;
mod regressor;
mod scores;
mod source;
mod walk;

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimLike, ensure, format_err};

use super::bridge::Given;
use super::values::{expect_type, matrix, matrix_dims, numbers};
use forest::Forest;
use number::Number;
use scores::Scores;
use source::{Aggregate, Source};
use walk::Rows;

pub(super) use classifier::build as classifier;
pub(super) use ensemble::build as ensemble;
pub(super) use regressor::build as regressor;

/// The trees of one node. They are laid out when the type of the input is known, which also
/// is the type that they compute in.
struct Trees {
    source: Mutex<Option<Source>>,
    kernel: OnceLock<Result<Kernel, String>>,
    aggregate: Aggregate,
}

enum Kernel {
    Floats(Forest<f32>),
    Doubles(Forest<f64>),
}

impl Trees {
    fn new(source: Source, aggregate: Aggregate) -> Self {
        Self { source: Mutex::new(Some(source)), kernel: OnceLock::new(), aggregate }
    }

    /// The trees for inputs of this type.
    ///
    /// # Errors
    /// If the nodes form no trees.
    fn kernel(&self, input: DatumType) -> TractResult<&Kernel> {
        let kernel = self.kernel.get_or_init(|| {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
            let source = source.ok_or("the trees are gone")?;
            let kernel = if input == DatumType::F64 {
                Forest::new(&source).map(Kernel::Doubles)
            } else {
                Forest::new(&source).map(Kernel::Floats)
            };
            kernel.map_err(|error| format!("{error:#}"))
        });
        kernel.as_ref().map_err(|reason| format_err!("{reason}"))
    }
}

impl Trees {
    /// The rows of an input; its type decides how the trees are laid out.
    ///
    /// # Errors
    /// If it is none that the trees take.
    fn rows(&self, x: &Given, types: &[DatumType]) -> TractResult<TDim> {
        expect_type(x.datum_type, types)?;
        self.kernel(x.datum_type)?;
        let (rows, columns) = matrix_dims(&x.dims)?;
        self.expect_dim(&columns)?;
        Ok(rows)
    }

    /// # Errors
    /// If the input has fewer columns than the trees ask for, as far as is known before it
    /// comes.
    fn expect_dim(&self, columns: &TDim) -> TractResult<()> {
        let needed = match self.kernel.get() {
            Some(Ok(Kernel::Floats(forest))) => forest.needed(),
            Some(Ok(Kernel::Doubles(forest))) => forest.needed(),
            _ => 0,
        };
        columns.to_usize().map_or(Ok(()), |found| enough(needed, found))
    }

    fn bytes(&self) -> usize {
        match self.kernel.get() {
            Some(Ok(Kernel::Floats(forest))) => forest.bytes(),
            Some(Ok(Kernel::Doubles(forest))) => forest.bytes(),
            _ => 0,
        }
    }
}

impl fmt::Debug for Trees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trees")
    }
}

/// # Errors
/// If there are fewer columns than needed.
fn enough(needed: usize, found: usize) -> TractResult<()> {
    ensure!(found >= needed, "the trees use {needed} columns, the input has {found}");
    Ok(())
}

/// Scores of the rows of a matrix.
fn score<T: Number>(
    forest: &Forest<T>,
    input: &TValue,
    aggregate: Aggregate,
) -> TractResult<(usize, Scores<T>)> {
    let (count, columns) = matrix(input.shape())?;
    let values = numbers::<T>(input)?;
    let rows = Rows { values: &values, columns, count };
    Ok((count, forest.score(rows, aggregate)?))
}
