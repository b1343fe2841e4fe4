//! `LinearClassifier` (ai.onnx.ml 1): a linear score for each class; the largest wins.
//!
//! With one row of coefficients and two labels the score is that of the second class, which
//! wins above nought. `multi_class` changes nothing: the file has the scores either way.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ToDim, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::labels::Labels;
use super::linear::{Coefficients, dot};
use super::post_transform::PostTransform;
use super::scores::{First, both, transform, winner};
use super::values::{NUMBERS, expect_type, matrix, matrix_dims, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let labels = Labels::of(node, "classlabels_ints", "classlabels_strings")?;
    let mut intercepts: Vec<f32> = node.get_attr_opt_vec("intercepts")?.unwrap_or_default();
    if intercepts.is_empty() {
        intercepts = vec![0.0; labels.len()];
    }
    let scores = intercepts.len();
    ensure!(
        scores == labels.len() || (scores == 1 && labels.len() == 2),
        "attribute 'intercepts' has {scores} values for {} class labels",
        labels.len()
    );
    let coefficients = node.get_attr_opt_vec("coefficients")?.unwrap_or_default();
    let coefficients = Coefficients::new("coefficients", coefficients, scores)?;
    let post_transform = PostTransform::of(node)?;
    bridge::node(node, LinearClassifier { labels, coefficients, intercepts, post_transform })
}

#[derive(Debug)]
struct LinearClassifier {
    labels: Labels,
    coefficients: Coefficients,
    /// One for each row of coefficients.
    intercepts: Vec<f32>,
    post_transform: PostTransform,
}

impl Operator for LinearClassifier {
    fn name(&self) -> &'static str {
        "LinearClassifier"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        let (rows, columns) = matrix_dims(&x.dims)?;
        self.coefficients.expect_dim(&columns)?;
        Ok(vec![
            Promise::new(self.labels.datum_type(), [rows.clone()]),
            Promise::new(DatumType::F32, [rows, self.labels.len().to_dim()]),
        ])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (rows, columns) = matrix(x.shape())?;
        self.coefficients.expect_columns(columns)?;
        let values = numbers::<f32>(x)?;
        let classes = self.labels.len();
        let mut winners = Vec::with_capacity(rows);
        let mut scores = Vec::with_capacity(rows * classes);
        for row in self.coefficients.rows(&values) {
            let each = self.coefficients.each().zip(&self.intercepts);
            let start = scores.len();
            scores.extend(each.map(|(coefficients, add)| dot(row, coefficients) + add));
            if let (&[score], 2) = (&scores[start..], classes) {
                scores.truncate(start);
                scores.extend(both(score, First::Complement, self.post_transform));
                winners.push(usize::from(score > 0.0));
            } else {
                winners.push(winner(&scores[start..]));
                transform(&mut scores[start..], classes, self.post_transform);
            }
        }
        let labels = self.labels.tensor(&winners, &[rows])?;
        Ok(tvec!(labels, tensor(&[rows, classes], scores)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn labels_and_scores_are_those_of_onnxruntime() {
        answers::match_onnxruntime("ml_linear_classifier.onnx");
    }

    #[test]
    fn without_intercepts_there_is_nothing_to_add() {
        let file = "ml_linear_classifier.onnx";
        let answer = |intercepts: &[f32]| {
            let spoilt = refusals::spoilt(file, &[refusals::floats("intercepts", intercepts)]);
            let model = answers::load_from(spoilt.path().to_owned()).unwrap();
            // The scores of the node that was changed.
            answers::answer_of(file, model.as_ref()).swap_remove(1)
        };
        assert_eq!(answer(&[]), answer(&[0.0; 4]));
        assert_ne!(answer(&[]), answer(&[1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn attributes_that_do_not_fit_each_other_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_linear_classifier.onnx", attribute, reason);
        refuses(
            refusals::ints("classlabels_ints", &[1, 2]),
            "attribute 'intercepts' has 4 values for 2 class labels",
        );
        refuses(refusals::strings("classlabels_strings", &["a"]), "expected only one of them");
        refuses(
            refusals::floats("coefficients", &[1.0]),
            "attribute 'coefficients' has 1 values, expected as many for each of 4",
        );
        refuses(
            refusals::floats("coefficients", &[1.0; 8]),
            "attribute 'coefficients' is for 2 columns, came 3",
        );
        refuses(
            refusals::string("post_transform", "SIGMOID"),
            "attribute 'post_transform' is 'SIGMOID'",
        );
    }
}
