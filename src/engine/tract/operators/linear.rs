//! Rows times coefficients, as `LinearClassifier`, `LinearRegressor` and the support vector
//! machines need it.
//!
//! Sums are kept in float64. onnxruntime adds in float32 and in an order that depends on the
//! number of rows; this is nearer to either order than they are to each other, and a row's
//! result does not depend on the other rows.

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{DimLike, TDim, ensure};

use super::values::narrow;

/// One row of coefficients for each score.
#[derive(Debug)]
pub(super) struct Coefficients {
    columns: usize,
    values: Vec<f32>,
    attribute: &'static str,
}

impl Coefficients {
    /// # Errors
    /// Unless the values of this attribute are as many for each score.
    pub(super) fn new(
        attribute: &'static str,
        values: Vec<f32>,
        scores: usize,
    ) -> TractResult<Self> {
        ensure!(
            scores > 0 && !values.is_empty() && values.len().is_multiple_of(scores),
            "attribute '{attribute}' has {} values, expected as many for each of {scores}",
            values.len()
        );
        Ok(Self { columns: values.len() / scores, values, attribute })
    }

    /// # Errors
    /// If the input has another number of columns.
    pub(super) fn expect_columns(&self, found: usize) -> TractResult<()> {
        ensure!(
            found == self.columns,
            "attribute '{}' is for {} columns, came {found}",
            self.attribute,
            self.columns
        );
        Ok(())
    }

    /// The same, if the number is known.
    pub(super) fn expect_dim(&self, found: &TDim) -> TractResult<()> {
        found.to_usize().map_or(Ok(()), |found| self.expect_columns(found))
    }

    /// The rows of an input that has the right number of columns.
    pub(super) fn rows<'a>(&self, input: &'a [f32]) -> std::slice::ChunksExact<'a, f32> {
        input.chunks_exact(self.columns)
    }

    /// The coefficients of each score.
    pub(super) fn each(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.columns)
    }
}

/// The sum of the products.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0f64; LANES];
    let (left, right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f64 = rest.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    for (left, right) in left.zip(right) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += f64::from(a) * f64::from(b);
        }
    }
    narrow(sums.iter().sum::<f64>() + rest)
}
