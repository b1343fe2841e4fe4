//! Probabilities of classes from the probabilities of pairs of classes.
//!
//! The second method of Wu, Lin and Weng, "Probability estimates for multi-class
//! classification by pairwise coupling" (2004), in the form of libsvm. In float32 and with
//! the stopping rule of onnxruntime: an early stop is visible in the third digit.

use super::post_transform::logistic;

/// Pairs nearer to certain than this are moved away from it.
const MARGIN: f32 = 1e-7;
const ROUNDS: usize = 100;

/// The parameters A and B of Platt's sigmoid, for each pair of classes in the order (0, 1),
/// (0, 2) … (1, 2) ….
#[derive(Debug)]
pub(super) struct Platt(pub(super) Vec<(f32, f32)>);

impl Platt {
    /// One probability for each class, from the decision values of all pairs.
    pub(super) fn probabilities(&self, decisions: &[f32], classes: usize) -> Vec<f32> {
        couple(&self.pairs(decisions, classes), classes)
    }

    /// In row i and column j: how likely class i is if it is one of the two.
    fn pairs(&self, decisions: &[f32], classes: usize) -> Vec<f32> {
        let mut pairs = vec![0.0; classes * classes];
        let mut decisions = decisions.iter().zip(&self.0);
        for i in 0..classes {
            for j in i + 1..classes {
                let Some((decision, (a, b))) = decisions.next() else { return pairs };
                let first = 1.0 - logistic(decision * a + b);
                // NaN stays NaN.
                let first = first.clamp(MARGIN, 1.0 - MARGIN);
                pairs[i * classes + j] = first;
                pairs[j * classes + i] = 1.0 - first;
            }
        }
        pairs
    }
}

fn couple(pairs: &[f32], classes: usize) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "classes are few")]
    let count = classes as f32;
    let mut p = vec![1.0 / count; classes];
    let q = quadratic_form(pairs, classes);
    let tolerance = 0.005 / count;
    for _ in 0..ROUNDS {
        let mut qp: Vec<f32> = q
            .chunks_exact(classes)
            .map(|row| row.iter().zip(&p).fold(0.0, |sum, (q, p)| sum + q * p))
            .collect();
        let mut pqp = p.iter().zip(&qp).fold(0.0, |sum, (p, qp)| sum + p * qp);
        let error = qp.iter().map(|qp| (qp - pqp).abs()).fold(0.0, f32::max);
        if error < tolerance {
            break;
        }
        for i in 0..classes {
            let row = &q[i * classes..(i + 1) * classes];
            let step = (-qp[i] + pqp) / row[i];
            p[i] += step;
            pqp = (pqp + step * (step * row[i] + 2.0 * qp[i])) / (1.0 + step) / (1.0 + step);
            for j in 0..classes {
                qp[j] = (qp[j] + step * row[j]) / (1.0 + step);
                p[j] /= 1.0 + step;
            }
        }
    }
    p
}

/// What the probabilities should make small.
fn quadratic_form(pairs: &[f32], classes: usize) -> Vec<f32> {
    let pair = |i: usize, j: usize| pairs[i * classes + j];
    let mut q = vec![0.0; classes * classes];
    for i in 0..classes {
        for j in (0..classes).filter(|&j| j != i) {
            q[i * classes + i] += pair(j, i) * pair(j, i);
            q[i * classes + j] = -(pair(j, i) * pair(i, j));
        }
    }
    q
}
