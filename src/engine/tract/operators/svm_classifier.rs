//! `SVMClassifier` (ai.onnx.ml 1): support vector machines for each pair of classes, or a
//! linear model where there are no support vectors.
//!
//! The class with the most votes wins, whatever the probabilities say; the scores are the
//! decision values of the pairs unless `prob_a` and `prob_b` make probabilities of them.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TDim, ToDim, bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::labels::Labels;
use super::linear::{Coefficients, dot};
use super::post_transform::PostTransform;
use super::scores::{First, both, transform, winner};
use super::svm_coupling::Platt;
use super::svm_kernel::expect_kernel;
use super::svm_machine::{Decisions, Machines, vectors_per_class};
use super::values::{NUMBERS, expect_type, matrix, matrix_dims, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    expect_kernel(node)?;
    let post_transform = PostTransform::of(node)?;
    let labels = Labels::of(node, "classlabels_ints", "classlabels_strings")?;
    let per_class = vectors_per_class(node)?;
    let platt = platt(node)?;
    let model = if per_class.iter().all(|&vectors| vectors == 0) {
        Model::Linear(Linear::of(node, labels.len(), platt.is_some())?)
    } else {
        ensure!(
            per_class.len() == labels.len() && labels.len() > 1,
            "attribute 'vectors_per_class' has {} values for {} class labels",
            per_class.len(),
            labels.len()
        );
        let machines = Machines::of(node, &per_class)?;
        let pairs = machines.pairs();
        if let Some(Platt(parameters)) = &platt {
            ensure!(
                parameters.len() >= pairs,
                "attribute 'prob_a' has {} values for {pairs} pairs of classes",
                parameters.len()
            );
        }
        Model::Pairs { machines, platt }
    };
    bridge::node(node, SvmClassifier { labels, model, post_transform })
}

fn platt(node: &NodeProto) -> TractResult<Option<Platt>> {
    let a: Vec<f32> = node.get_attr_opt_vec("prob_a")?.unwrap_or_default();
    let b: Vec<f32> = node.get_attr_opt_vec("prob_b")?.unwrap_or_default();
    ensure!(
        a.len() == b.len(),
        "attribute 'prob_a' has {} values, 'prob_b' has {}",
        a.len(),
        b.len()
    );
    Ok((!a.is_empty()).then(|| Platt(a.into_iter().zip(b).collect())))
}

#[derive(Debug)]
struct SvmClassifier {
    labels: Labels,
    model: Model,
    post_transform: PostTransform,
}

#[derive(Debug)]
enum Model {
    Linear(Linear),
    Pairs { machines: Machines, platt: Option<Platt> },
}

/// A score for each class.
#[derive(Debug)]
struct Linear {
    coefficients: Coefficients,
    /// Added to all scores.
    rho: f32,
    /// Whether no coefficient is negative, where that decides between two classes.
    all_positive: Option<bool>,
}

impl Linear {
    fn of(node: &NodeProto, classes: usize, probabilities: bool) -> TractResult<Self> {
        let values: Vec<f32> = node.get_attr_opt_vec("coefficients")?.unwrap_or_default();
        let rho: Vec<f32> = node.get_attr_opt_vec("rho")?.unwrap_or_default();
        let Some(&rho) = rho.first() else { bail!("attribute 'rho' is empty, expected a value") };
        let positive = values.iter().all(|&value| value >= 0.0);
        let all_positive = (classes == 2 && !probabilities).then_some(positive);
        let coefficients = Coefficients::new("coefficients", values, classes)?;
        Ok(Self { coefficients, rho, all_positive })
    }

    /// As onnxruntime has it: with two classes the second one wins once any score is large
    /// enough, or else the larger.
    fn winner(&self, scores: &[f32]) -> usize {
        let best = winner(scores);
        match self.all_positive {
            Some(true) if scores[best] >= 0.5 => 1,
            Some(false) if scores[best] > 0.0 => 1,
            _ => best,
        }
    }
}

impl Operator for SvmClassifier {
    fn name(&self) -> &'static str {
        "SVMClassifier"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        let (rows, columns) = matrix_dims(&x.dims)?;
        self.expect_dim(&columns)?;
        Ok(vec![
            Promise::new(self.labels.datum_type(), [rows.clone()]),
            Promise::new(DatumType::F32, [rows, self.width().to_dim()]),
        ])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (rows, columns) = matrix(x.shape())?;
        self.expect_dim(&columns.to_dim())?;
        let values = numbers::<f32>(x)?;
        let mut winners = Vec::with_capacity(rows);
        let mut scores = Vec::with_capacity(rows * self.width());
        match &self.model {
            Model::Linear(linear) => {
                for row in linear.coefficients.rows(&values) {
                    let each = linear.coefficients.each();
                    let mut row: Vec<f32> = each.map(|each| dot(row, each) + linear.rho).collect();
                    winners.push(linear.winner(&row));
                    transform(&mut row, self.width(), self.post_transform);
                    scores.extend(row);
                }
            }
            Model::Pairs { machines, platt } => {
                for decisions in machines.decide(&values) {
                    winners.push(winner(&decisions.votes));
                    scores.extend(self.scores(decisions, platt.as_ref()));
                }
            }
        }
        let labels = self.labels.tensor(&winners, &[rows])?;
        Ok(tvec!(labels, tensor(&[rows, self.width()], scores)?))
    }
}

impl SvmClassifier {
    /// Scores a row.
    fn width(&self) -> usize {
        match &self.model {
            Model::Pairs { machines, platt: None } if self.labels.len() > 2 => machines.pairs(),
            _ => self.labels.len(),
        }
    }

    fn expect_dim(&self, columns: &TDim) -> TractResult<()> {
        match &self.model {
            Model::Linear(linear) => linear.coefficients.expect_dim(columns),
            Model::Pairs { machines, .. } => machines.expect_dim(columns),
        }
    }

    fn scores(&self, decisions: Decisions, platt: Option<&Platt>) -> Vec<f32> {
        let mut scores = decisions.values;
        if let Some(platt) = platt {
            scores = platt.probabilities(&scores, self.labels.len());
        } else if let [score] = scores[..] {
            let untouched = self.post_transform == PostTransform::None;
            let first = if untouched { First::Opposite } else { First::Complement };
            return both(score, first, self.post_transform).to_vec();
        }
        transform(&mut scores, self.width(), self.post_transform);
        scores
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn every_kernel_gives_the_labels_and_scores_of_onnxruntime() {
        answers::match_onnxruntime("ml_svm_classifier.onnx");
    }

    #[test]
    fn a_linear_model_gives_the_labels_and_scores_of_onnxruntime() {
        answers::match_onnxruntime("ml_svm_classifier_linear.onnx");
    }

    #[test]
    fn attributes_that_do_not_fit_each_other_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_svm_classifier.onnx", attribute, reason);
        refuses(
            refusals::ints("vectors_per_class", &[5]),
            "attribute 'vectors_per_class' has 1 values for 2 class labels",
        );
        refuses(
            refusals::ints("vectors_per_class", &[6, -1]),
            "attribute 'vectors_per_class' holds -1",
        );
        refuses(
            refusals::floats("coefficients", &[1.0]),
            "attribute 'coefficients' has 1 values, expected 1 for each of 5",
        );
        refuses(refusals::floats("rho", &[]), "attribute 'rho' has 0 values for 1 pairs");
        refuses(
            refusals::floats("prob_a", &[1.0]),
            "attribute 'prob_a' has 1 values, 'prob_b' has 0",
        );
        refuses(
            refusals::ints("classlabels_ints", &[]),
            "attributes 'classlabels_ints' and 'classlabels_strings' are empty",
        );
        refuses(refusals::string("kernel_type", "COSINE"), "attribute 'kernel_type' is 'COSINE'");
    }
}
