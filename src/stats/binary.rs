//! How good scores of two classes are, from bins of the scores.
//!
//! What each bin holds is either counted, once the truth is known, or estimated from the scores
//! themselves; the figures follow from both in the same way.

use serde::Serialize;

use super::float;

/// Bins of a score, of equal width, from 0 to 1.
pub const SCORE_BINS: usize = 64;

/// The bin of a score; what is no probability falls into an outer one.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "it is clamped to a small number"
)]
pub fn score_bin(score: f64) -> usize {
    let place = score.clamp(0.0, 1.0) * SCORE_BINS as f64;
    // NaN becomes 0.
    (place as usize).min(SCORE_BINS - 1)
}

/// What a bin holds of rows with one decision.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scored {
    pub rows: u64,
    /// Of the scores.
    pub sum: f64,
    /// Rows of the positive class, or how many of them are to be expected.
    pub positives: f64,
}

impl Scored {
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.positives += other.positives;
    }

    /// The same rows with as many positives as calibrated scores promise: their sum.
    ///
    /// Source: confidence-based performance estimation (CBPE) of nannyml.
    #[must_use]
    pub fn expected(self) -> Self {
        Self { positives: self.sum, ..self }
    }
}

/// Rows by score, those that were decided to be negative first.
pub type ByDecision = [[Scored; SCORE_BINS]; 2];

/// Figures from 0 to 1; `None`, and not written, where there is nothing to divide by.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Area under the receiver operating characteristic; rows of one bin are ties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Expected calibration error: how far the share of positives is from the scores, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration_error: Option<f64>,
}

/// Rows by decision and truth; numbers that are not whole are expectations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Confusion {
    pub true_positives: f64,
    pub false_positives: f64,
    pub false_negatives: f64,
    pub true_negatives: f64,
}

impl Confusion {
    #[must_use]
    pub fn of(rows: &ByDecision) -> Self {
        let sum = |decision: usize| {
            let mut sum = Scored::default();
            rows[decision].iter().for_each(|bin| sum.add(bin));
            (sum.positives, float(sum.rows) - sum.positives)
        };
        let ((false_negatives, true_negatives), (true_positives, false_positives)) =
            (sum(0), sum(1));
        Self { true_positives, false_positives, false_negatives, true_negatives }
    }
}

impl Figures {
    #[must_use]
    pub fn of(rows: &ByDecision) -> Self {
        let confusion = Confusion::of(rows);
        let Confusion { true_positives, false_positives, false_negatives, true_negatives } =
            confusion;
        let right = true_positives + true_negatives;
        let wrong = false_positives + false_negatives;
        Self {
            accuracy: ratio(right, right + wrong),
            precision: ratio(true_positives, true_positives + false_positives),
            recall: ratio(true_positives, true_positives + false_negatives),
            f1: ratio(2.0 * true_positives, 2.0 * true_positives + wrong),
            auc: auc(rows),
            calibration_error: calibration_error(rows),
        }
    }
}

fn ratio(part: f64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| part / of)
}

/// Bins of both decisions together.
fn bins(rows: &ByDecision) -> impl Iterator<Item = Scored> {
    rows[0].iter().zip(&rows[1]).map(|(negative, positive)| {
        let mut both = *negative;
        both.add(positive);
        both
    })
}

/// The share of pairs of a positive and a negative row whose scores are in order.
fn auc(rows: &ByDecision) -> Option<f64> {
    let (mut in_order, mut negatives, mut positives) = (0.0, 0.0, 0.0);
    for bin in bins(rows) {
        let others = float(bin.rows) - bin.positives;
        in_order += bin.positives * (negatives + others / 2.0);
        negatives += others;
        positives += bin.positives;
    }
    ratio(in_order, negatives * positives)
}

fn calibration_error(rows: &ByDecision) -> Option<f64> {
    let (mut apart, mut all) = (0.0, 0.0);
    for bin in bins(rows) {
        apart += (bin.positives - bin.sum).abs();
        all += float(bin.rows);
    }
    ratio(apart, all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(of: &[(f64, bool)]) -> ByDecision {
        let mut rows = [[Scored::default(); SCORE_BINS]; 2];
        for &(score, positive) in of {
            let one = Scored { rows: 1, sum: score, positives: f64::from(u8::from(positive)) };
            rows[usize::from(score >= 0.5)][score_bin(score)].add(&one);
        }
        rows
    }

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-12)
    }

    #[test]
    fn figures_are_those_of_the_confusion() {
        let rows = rows(&[(0.9, true), (0.8, true), (0.7, false), (0.2, true), (0.1, false)]);
        let figures = Figures::of(&rows);
        assert!(near(figures.accuracy, 0.6));
        assert!(near(figures.precision, 2.0 / 3.0) && near(figures.recall, 2.0 / 3.0));
        assert!(near(figures.f1, 2.0 / 3.0));
        // Of six pairs, five are in order.
        assert!(near(figures.auc, 5.0 / 6.0));
        assert!(near(figures.calibration_error, (0.1 + 0.2 + 0.7 + 0.8 + 0.1) / 5.0));
    }

    #[test]
    fn of_nothing_and_of_one_class_there_is_no_figure_but_that_of_what_is_there() {
        let none = Figures::of(&rows(&[]));
        assert_eq!((none.accuracy, none.precision, none.auc), (None, None, None));
        let negatives = Figures::of(&rows(&[(0.1, false), (0.2, false)]));
        assert_eq!((negatives.accuracy, negatives.recall, negatives.auc), (Some(1.0), None, None));
    }

    #[test]
    fn scores_that_are_no_probabilities_fall_into_outer_bins() {
        let bins = [-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN].map(score_bin);
        assert_eq!(bins, [0, 0, 32, 63, 63, 0]);
    }

    proptest! {
        #[test]
        fn the_estimate_is_what_calibrated_scores_would_give(
            scores in proptest::collection::vec(0.0..1.0f64, 1..200),
        ) {
            let rows = rows(&scores.iter().map(|score| (*score, false)).collect::<Vec<_>>());
            let expected = rows.map(|bins| bins.map(Scored::expected));
            let right = |score: &f64| if *score >= 0.5 { *score } else { 1.0 - score };
            let accuracy = scores.iter().map(right).sum::<f64>() / float(scores.len() as u64);
            let figures = Figures::of(&expected);
            prop_assert!((figures.accuracy.unwrap() - accuracy).abs() < 1e-12);
            prop_assert!(figures.calibration_error.unwrap() < 1e-12);
        }

        #[test]
        fn the_area_is_within_the_ties_of_that_over_all_pairs(
            scored in proptest::collection::vec((0.0..1.0f64, any::<bool>()), 2..100),
        ) {
            let (mut in_order, mut pairs, mut ties) = (0.0, 0.0, 0.0);
            for (positive, _) in scored.iter().filter(|(_, positive)| *positive) {
                for (negative, _) in scored.iter().filter(|(_, positive)| !*positive) {
                    pairs += 1.0;
                    in_order += f64::from(u8::from(positive > negative));
                    ties += f64::from(u8::from(score_bin(*positive) == score_bin(*negative)));
                }
            }
            match Figures::of(&rows(&scored)).auc {
                Some(auc) => prop_assert!((auc * pairs - in_order).abs() <= ties / 2.0 + 1e-9),
                None => prop_assert!(pairs == 0.0),
            }
        }
    }
}
