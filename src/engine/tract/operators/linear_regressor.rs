//! `LinearRegressor` (ai.onnx.ml 1): `x · coefficients + intercept` for each target.
//!
//! onnxruntime has it for float32 only.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ToDim, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::linear::{Coefficients, dot};
use super::post_transform::PostTransform;
use super::scores::transform;
use super::values::{NUMBERS, expect_type, matrix, matrix_dims, numbers, tensor, width};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let targets = width("targets", node.get_attr_opt("targets")?.unwrap_or(1))?;
    let coefficients = node.get_attr_opt_vec("coefficients")?.unwrap_or_default();
    let intercepts: Vec<f32> =
        node.get_attr_opt_vec("intercepts")?.unwrap_or_else(|| vec![0.0; targets]);
    ensure!(
        intercepts.len() == targets,
        "attribute 'intercepts' has {} values for {targets} targets",
        intercepts.len()
    );
    let coefficients = Coefficients::new("coefficients", coefficients, targets)?;
    let post_transform = PostTransform::of(node)?;
    bridge::node(node, LinearRegressor { coefficients, intercepts, post_transform })
}

#[derive(Debug)]
struct LinearRegressor {
    coefficients: Coefficients,
    /// One for each target.
    intercepts: Vec<f32>,
    post_transform: PostTransform,
}

impl Operator for LinearRegressor {
    fn name(&self) -> &'static str {
        "LinearRegressor"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        let (rows, columns) = matrix_dims(&x.dims)?;
        self.coefficients.expect_dim(&columns)?;
        Ok(vec![Promise::new(DatumType::F32, [rows, self.intercepts.len().to_dim()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (rows, columns) = matrix(x.shape())?;
        self.coefficients.expect_columns(columns)?;
        let values = numbers::<f32>(x)?;
        let targets = self.intercepts.len();
        let mut scores = Vec::with_capacity(rows * targets);
        for row in self.coefficients.rows(&values) {
            let each = self.coefficients.each().zip(&self.intercepts);
            scores.extend(each.map(|(coefficients, add)| dot(row, coefficients) + add));
        }
        transform(&mut scores, targets, self.post_transform);
        Ok(tvec!(tensor(&[rows, targets], scores)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn targets_are_those_of_onnxruntime() {
        answers::match_onnxruntime("ml_linear_regressor.onnx");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_linear_regressor.onnx");
    }

    #[test]
    fn attributes_that_do_not_fit_each_other_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_linear_regressor.onnx", attribute, reason);
        refuses(
            refusals::int("targets", 1 << 40),
            "attribute 'targets' is 1099511627776, expected 1 to",
        );
        refuses(refusals::int("targets", 0), "attribute 'targets' is 0, expected 1 to 16777216");
        refuses(
            refusals::int("targets", 2),
            "attribute 'coefficients' has 3 values, expected as many for each of 2",
        );
        refuses(
            refusals::floats("intercepts", &[1.0, 2.0]),
            "attribute 'intercepts' has 2 values for 1 targets",
        );
        refuses(refusals::floats("coefficients", &[]), "attribute 'coefficients' has 0 values");
    }
}
