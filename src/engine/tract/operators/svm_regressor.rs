//! `SVMRegressor` (ai.onnx.ml 1): a weighted sum of kernels, or a linear model where there are
//! no support vectors; with `one_class` only its sign.
//!
//! `post_transform` is checked and otherwise does nothing, as in onnxruntime, which has this
//! operator for float32 only.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TDim, ToDim, bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::linear::{Coefficients, dot};
use super::post_transform::PostTransform;
use super::svm_kernel::{SupportVectors, expect_kernel};
use super::values::{NUMBERS, expect_type, matrix, matrix_dims, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    PostTransform::of(node)?;
    expect_kernel(node)?;
    let coefficients: Vec<f32> = node.get_attr_opt_vec("coefficients")?.unwrap_or_default();
    let rho: Vec<f32> = node.get_attr_opt_vec("rho")?.unwrap_or_default();
    let Some(&rho) = rho.first() else { bail!("attribute 'rho' is empty, expected one value") };
    let count: i64 = node.get_attr_opt("n_supports")?.unwrap_or(0);
    let Ok(count) = usize::try_from(count) else {
        bail!("attribute 'n_supports' is {count}, expected at least 0")
    };
    let machine = if count == 0 {
        Machine::Linear(Coefficients::new("coefficients", coefficients, 1)?)
    } else {
        ensure!(
            coefficients.len() == count,
            "attribute 'coefficients' has {} values for {count} support vectors",
            coefficients.len()
        );
        Machine::Kernels { vectors: SupportVectors::of(node, count)?, coefficients }
    };
    let one_class = node.get_attr_opt::<i64>("one_class")?.unwrap_or(0) != 0;
    bridge::node(node, SvmRegressor { machine, rho, one_class })
}

#[derive(Debug)]
struct SvmRegressor {
    machine: Machine,
    rho: f32,
    one_class: bool,
}

#[derive(Debug)]
enum Machine {
    Linear(Coefficients),
    /// A coefficient for each vector.
    Kernels {
        vectors: SupportVectors,
        coefficients: Vec<f32>,
    },
}

impl Operator for SvmRegressor {
    fn name(&self) -> &'static str {
        "SVMRegressor"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        let (rows, columns) = matrix_dims(&x.dims)?;
        self.expect_dim(&columns)?;
        Ok(vec![Promise::new(DatumType::F32, [rows, 1.to_dim()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (rows, columns) = matrix(x.shape())?;
        self.expect_dim(&columns.to_dim())?;
        let values = numbers::<f32>(x)?;
        let mut scores: Vec<f32> = match &self.machine {
            Machine::Linear(linear) => {
                let weights = linear.each().next().unwrap_or_default();
                linear.rows(&values).map(|row| dot(row, weights) + self.rho).collect()
            }
            Machine::Kernels { vectors, coefficients } => {
                let kernels = vectors.compare(&values);
                kernels.map(|kernels| dot(&kernels, coefficients) + self.rho).collect()
            }
        };
        if self.one_class {
            let sign = |score: f32| if score > 0.0 { 1.0 } else { -1.0 };
            for score in &mut scores {
                *score = sign(*score);
            }
        }
        Ok(tvec!(tensor(&[rows, 1], scores)?))
    }
}

impl SvmRegressor {
    fn expect_dim(&self, columns: &TDim) -> TractResult<()> {
        match &self.machine {
            Machine::Linear(linear) => linear.expect_dim(columns),
            Machine::Kernels { vectors, .. } => vectors.expect_dim(columns),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn every_kernel_gives_the_scores_of_onnxruntime() {
        answers::match_onnxruntime("ml_svm_regressor.onnx");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_svm_regressor.onnx");
    }

    #[test]
    fn attributes_that_do_not_fit_each_other_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_svm_regressor.onnx", attribute, reason);
        refuses(refusals::floats("rho", &[]), "attribute 'rho' is empty");
        refuses(
            refusals::floats("coefficients", &[1.0]),
            "attribute 'coefficients' has 1 values for 5 support vectors",
        );
        refuses(refusals::int("n_supports", -1), "attribute 'n_supports' is -1");
        refuses(
            refusals::floats("support_vectors", &[1.0]),
            "attribute 'support_vectors' has 1 values, expected as many for each of 5",
        );
        refuses(
            refusals::floats("kernel_params", &[1.0]),
            "attribute 'kernel_params' has 1 values",
        );
        refuses(refusals::string("kernel_type", "COSINE"), "attribute 'kernel_type' is 'COSINE'");
        refuses(
            refusals::string("post_transform", "SIGMOID"),
            "attribute 'post_transform' is 'SIGMOID'",
        );
    }
}
