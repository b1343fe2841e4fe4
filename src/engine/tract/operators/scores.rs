//! From raw scores to the scores of an answer, and to the class that wins.

use super::post_transform::{PostTransform, logistic};

/// The transform over each row of `columns` scores. Of single scores onnxruntime changes
/// none but for PROBIT, so neither does this.
pub(super) fn transform(scores: &mut [f32], columns: usize, transform: PostTransform) {
    if columns > 1 || transform == PostTransform::Probit {
        scores.chunks_exact_mut(columns.max(1)).for_each(|row| transform.apply(row));
    }
}

/// What stands for the first of two classes when only the second has a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// One minus the score.
    Complement,
    /// Minus the score.
    Opposite,
}

/// The scores of both classes from that of the second.
///
/// onnxruntime knows no PROBIT here: it leaves one of the two unwritten.
pub(super) fn both(score: f32, first: First, transform: PostTransform) -> [f32; 2] {
    if transform == PostTransform::Logistic {
        return [logistic(-score), logistic(score)];
    }
    let mut both = match first {
        First::Complement => [1.0 - score, score],
        First::Opposite => [-score, score],
    };
    if transform == PostTransform::Probit {
        transform.apply(&mut both);
    }
    both
}

/// The first of the largest.
pub(super) fn winner<T: PartialOrd + Copy>(scores: &[T]) -> usize {
    let better = |best, class| if scores[class] > scores[best] { class } else { best };
    (1..scores.len()).fold(0, better)
}
