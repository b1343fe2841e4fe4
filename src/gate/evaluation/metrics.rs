//! Scores, added up row by row.

use crate::repository::Metric;

/// Probabilities are kept this far from 0 and 1, so that one sure mistake is not infinite.
const CLIP: f64 = 1e-15;

/// What has been seen of a metric so far.
#[derive(Debug, Clone)]
pub(super) enum Tally {
    /// The score of each row, and whether it is of the positive class.
    Auc(Vec<(f64, bool)>),
    Accuracy(Mean),
    F1(Confusion),
    Rmse(Mean),
    Mae(Mean),
    LogLoss(Mean),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: f64,
    count: f64,
}

/// Rows by what was predicted and what was true.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Confusion {
    true_positives: f64,
    /// Predicted positive and were not, or the other way round.
    mistakes: f64,
}

impl Tally {
    pub(super) fn new(metric: Metric) -> Self {
        match metric {
            Metric::Auc => Self::Auc(Vec::new()),
            Metric::Accuracy => Self::Accuracy(Mean::default()),
            Metric::F1 => Self::F1(Confusion::default()),
            Metric::Rmse => Self::Rmse(Mean::default()),
            Metric::Mae => Self::Mae(Mean::default()),
            Metric::LogLoss => Self::LogLoss(Mean::default()),
        }
    }

    /// # Errors
    /// Why the rows have no score.
    pub(super) fn score(&self) -> Result<f64, String> {
        let no_rows = || "it has no rows".to_owned();
        match self {
            Self::Auc(rows) if rows.is_empty() => Err(no_rows()),
            Self::Auc(rows) => auc(rows).ok_or_else(|| {
                "the target never or always is the positive class, so there is no auc; is `positive` right?"
                    .to_owned()
            }),
            Self::Accuracy(mean) | Self::Mae(mean) | Self::LogLoss(mean) => {
                mean.mean().ok_or_else(no_rows)
            }
            Self::Rmse(mean) => mean.mean().map(f64::sqrt).ok_or_else(no_rows),
            Self::F1(confusion) => confusion.f1().ok_or_else(|| {
                "the positive class is neither predicted nor true in any row, so there is no f1; is `positive` right?"
                    .to_owned()
            }),
        }
    }
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

impl Confusion {
    pub(super) fn add(&mut self, predicted: bool, truth: bool) {
        match (predicted, truth) {
            (true, true) => self.true_positives += 1.0,
            (true, false) | (false, true) => self.mistakes += 1.0,
            (false, false) => {}
        }
    }

    /// 2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall
    /// (van Rijsbergen, *Information Retrieval*, 1979, chapter 7, with equal weights).
    fn f1(self) -> Option<f64> {
        let twice = 2.0 * self.true_positives;
        let all = twice + self.mistakes;
        (all > 0.0).then(|| twice / all)
    }
}

/// The area under the ROC curve as the Mann–Whitney statistic: (R - P (P + 1) / 2) / (P N)
/// with the sum R of the ranks of the P positive rows among all P + N, where rows of one
/// score share the mean of their ranks (Hanley and `McNeil`, *The meaning and use of the area
/// under a receiver operating characteristic (ROC) curve*, Radiology 143, 1982).
/// `None` where one of the classes is absent.
pub(super) fn auc(rows: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut positives, mut negatives, mut ranks) = (0.0, 0.0, 0.0);
    // -0 and 0 are apart in the total order but side by side, and one score.
    #[expect(clippy::float_cmp, reason = "a tie is an equal score")]
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let (mut tied_positives, mut tied_negatives) = (0.0, 0.0);
        for (_, positive) in ties {
            *if *positive { &mut tied_positives } else { &mut tied_negatives } += 1.0;
        }
        let before = positives + negatives;
        let mean_rank = before + f64::midpoint(tied_positives + tied_negatives, 1.0);
        ranks += mean_rank * tied_positives;
        positives += tied_positives;
        negatives += tied_negatives;
    }
    let pairs = positives * negatives;
    (pairs > 0.0).then(|| (ranks - positives * (positives + 1.0) / 2.0) / pairs)
}

/// Minus the logarithm of the probability that the true class was given (Good, *Rational
/// Decisions*, Journal of the Royal Statistical Society B 14, 1952).
pub(super) fn log_loss(probability: f64) -> f64 {
    -probability.clamp(CLIP, 1.0 - CLIP).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(scores: &[f64], truths: &[u8]) -> Vec<(f64, bool)> {
        scores.iter().copied().zip(truths.iter().map(|truth| *truth == 1)).collect()
    }

    fn near(came: f64, expected: f64) {
        assert!((came - expected).abs() < 1e-12, "expected {expected}, came {came}");
    }

    /// `sklearn.metrics.roc_auc_score([0,0,1,1,0,1,1,0], [.1,.4,.35,.8,.4,.4,.9,.05])` = 0.8125
    #[test]
    fn auc_is_what_scikit_learn_gives_with_ties() {
        let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.9, 0.05];
        near(auc(&rows(&scores, &[0, 0, 1, 1, 0, 1, 1, 0])).unwrap(), 0.8125);
        near(auc(&rows(&[0.0, -0.0], &[0, 1])).unwrap(), 0.5);
        assert_eq!(auc(&rows(&[0.1, 0.2], &[1, 1])), None);
    }

    /// `sklearn.metrics.log_loss([0,1,2,1], [[.7,.2,.1],[.3,.4,.3],[.05,.05,.9],[.5,.1,.4]])`
    /// = 0.9202278211161898
    #[test]
    fn log_loss_is_what_scikit_learn_gives() {
        let mut tally = Tally::new(Metric::LogLoss);
        let Tally::LogLoss(mean) = &mut tally else { unreachable!() };
        for probability in [0.7, 0.4, 0.9, 0.1] {
            mean.add(log_loss(probability));
        }
        near(tally.score().unwrap(), 0.920_227_821_116_189_8);
        near(log_loss(0.0), 34.538_776_394_910_684);
    }

    /// `sklearn.metrics.f1_score([1,1,0,0,1,0], [1,0,1,0,1,0])` = 0.6666666666666666
    #[test]
    fn f1_is_what_scikit_learn_gives() {
        let mut confusion = Confusion::default();
        for (truth, predicted) in [(1, 1), (1, 0), (0, 1), (0, 0), (1, 1), (0, 0)] {
            confusion.add(predicted == 1, truth == 1);
        }
        near(confusion.f1().unwrap(), 2.0 / 3.0);
        assert!(Tally::new(Metric::F1).score().is_err());
    }

    #[test]
    fn no_rows_have_no_score() {
        for metric in [Metric::Auc, Metric::Accuracy, Metric::Rmse, Metric::Mae, Metric::LogLoss] {
            assert_eq!(Tally::new(metric).score().unwrap_err(), "it has no rows");
        }
    }

    proptest! {
        /// By definition: the share of pairs in which the positive row has the higher score,
        /// ties counted half.
        #[test]
        fn auc_is_the_share_of_pairs_in_order(
            rows in proptest::collection::vec((0u8..6, any::<bool>()), 2..40),
        ) {
            let rows: Vec<(f64, bool)> =
                rows.into_iter().map(|(score, truth)| (f64::from(score), truth)).collect();
            let (mut pairs, mut ordered) = (0.0, 0.0);
            for (score, _) in rows.iter().filter(|row| row.1) {
                for (other, _) in rows.iter().filter(|row| !row.1) {
                    pairs += 1.0;
                    ordered += if score > other { 1.0 } else if score < other { 0.0 } else { 0.5 };
                }
            }
            match auc(&rows) {
                None => prop_assert!(pairs == 0.0),
                Some(auc) => prop_assert!((auc - ordered / pairs).abs() < 1e-12),
            }
        }
    }
}
