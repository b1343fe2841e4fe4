//! What the `post_transform` attribute does to the scores of one row.
//!
//! Formulas as in the ONNX-ML specification; PROBIT is the approximation of the inverse
//! error function by S. Winitzki ("A handy approximation for the error function and its
//! inverse", 2008), with the constants of onnxruntime, so that results agree.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::bail;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostTransform {
    None,
    Softmax,
    Logistic,
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    /// The attribute of this node; absent means none.
    pub(super) fn of(node: &NodeProto) -> TractResult<Self> {
        Ok(match node.get_attr_opt::<&str>("post_transform")? {
            None | Some("NONE") => Self::None,
            Some("SOFTMAX") => Self::Softmax,
            Some("LOGISTIC") => Self::Logistic,
            Some("SOFTMAX_ZERO") => Self::SoftmaxZero,
            Some("PROBIT") => Self::Probit,
            Some(other) => bail!(
                "attribute 'post_transform' is '{other}', expected NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT"
            ),
        })
    }

    /// In place, over the scores of rows that have so many each.
    pub(super) fn apply_to_rows(self, scores: &mut [f32], columns: usize) {
        if self != Self::None {
            scores.chunks_mut(columns.max(1)).for_each(|row| self.apply(row));
        }
    }

    /// In place, over the scores of one row.
    pub(super) fn apply(self, scores: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Softmax => softmax(scores),
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::SoftmaxZero => softmax_zero(scores),
            Self::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        }
    }
}

/// 1 / (1 + e^-x), computed from the side that does not overflow.
pub(super) fn logistic(x: f32) -> f32 {
    let positive = 1.0 / (1.0 + (-x.abs()).exp());
    if x < 0.0 { 1.0 - positive } else { positive }
}

/// The quantile function of the standard normal distribution.
pub(super) fn probit(probability: f32) -> f32 {
    std::f32::consts::SQRT_2 * inverse_error_function(2.0 * probability - 1.0)
}

fn inverse_error_function(x: f32) -> f32 {
    #[expect(clippy::approx_constant, reason = "onnxruntime's digits, so that results agree")]
    const PI: f32 = 3.14159;
    const A: f32 = 0.147;
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (PI * A) + 0.5 * log;
    let root = (half * half - log / A).sqrt() - half;
    if x < 0.0 { -root.sqrt() } else { root.sqrt() }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// Softmax that leaves out what is nought.
fn softmax_zero(scores: &mut [f32]) {
    const NOUGHT: f32 = 0.000_000_1;
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let scale = (-largest).exp();
    let mut sum = 0.0;
    for score in &mut *scores {
        if score.abs() > NOUGHT {
            *score = (*score - largest).exp();
            sum += *score;
        } else {
            *score *= scale;
        }
    }
    for score in scores {
        *score /= sum;
    }
}
