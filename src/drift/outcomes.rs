//! Scores of the reference beside what came true: how many of the rows that a model gives a
//! score are positive.

use serde::{Deserialize, Serialize};

use crate::stats::binary::{ByDecision, Figures, SCORE_BINS, Scored, score_bin};
use crate::stats::float;

/// Of one bin: sums over bins must not overflow.
const MOST_ROWS: u64 = 1 << 48;

/// The column of the truth, which has the role `target`, and the score that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// What the column is called; absent where no truth is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The feature that is the probability of the positive class.
    pub prediction: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// From here on a row is decided to be positive.
    pub threshold: f64,
    /// Those with rows, by decision and score.
    pub bins: Vec<ScoreBin>,
}

/// Rows of one decision whose scores lie in one of 64 bins of equal width from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreBin {
    pub bin: usize,
    /// Whether they were decided to be positive.
    pub decided: bool,
    pub rows: u64,
    /// Of the scores.
    pub sum: f64,
    /// Those that are positive in truth.
    pub positives: u64,
}

/// Score bins that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OutcomesError {
    #[error("score bin {0} is none of {SCORE_BINS}")]
    NoBin(usize),
    #[error("score bin {0} is there twice")]
    Twice(usize),
    #[error("score bin {bin} has {positives} positives of {rows} rows")]
    Positives { bin: usize, positives: u64, rows: u64 },
    #[error("score bin {0} has more rows than there can be")]
    TooMany(usize),
    #[error("the sum of score bin {0} is not finite")]
    NotFinite(usize),
}

impl Outcomes {
    /// Counts one row, with its truth if that is known.
    pub fn add(&mut self, score: f64, decided: bool, positive: bool) {
        // A model that answers NaN makes no promise.
        if !score.is_finite() {
            return;
        }
        let bin = score_bin(score);
        let found = self.bins.iter().position(|one| (one.decided, one.bin) == (decided, bin));
        let place = found.unwrap_or_else(|| {
            self.bins.push(ScoreBin { bin, decided, rows: 0, sum: 0.0, positives: 0 });
            self.bins.len() - 1
        });
        let one = &mut self.bins[place];
        one.rows += 1;
        one.sum += score;
        one.positives += u64::from(positive);
    }

    /// Puts the bins in order.
    pub fn sort(&mut self) {
        self.bins.sort_by_key(|one| (one.decided, one.bin));
    }

    /// # Errors
    /// [`OutcomesError`]: a file may hold anything.
    pub fn check(&self) -> Result<(), OutcomesError> {
        let mut seen = [[false; SCORE_BINS]; 2];
        for &ScoreBin { bin, decided, rows, sum, positives } in &self.bins {
            let place = seen[usize::from(decided)].get_mut(bin).ok_or(OutcomesError::NoBin(bin))?;
            if std::mem::replace(place, true) {
                return Err(OutcomesError::Twice(bin));
            }
            if rows > MOST_ROWS {
                return Err(OutcomesError::TooMany(bin));
            }
            if positives > rows {
                return Err(OutcomesError::Positives { bin, positives, rows });
            }
            if !sum.is_finite() {
                return Err(OutcomesError::NotFinite(bin));
            }
        }
        Ok(())
    }

    /// As the figures of quality take them.
    fn by_decision(&self, positives: impl Fn(&ScoreBin) -> f64) -> Box<ByDecision> {
        let mut rows = Box::new([[Scored::default(); SCORE_BINS]; 2]);
        for one in &self.bins {
            if let Some(place) = rows[usize::from(one.decided)].get_mut(one.bin) {
                *place = Scored { rows: one.rows, sum: one.sum, positives: positives(one) };
            }
        }
        rows
    }

    /// What came true; nothing where no truth is known.
    #[must_use]
    pub fn realised(&self) -> Option<Quality> {
        self.column.as_ref()?;
        Some(Quality::of(&self.by_decision(|one| float(one.positives))))
    }

    /// What would come true if every score meant what it meant in the reference: in each bin as
    /// large a share is positive as there. Where the reference has no rows, scores are believed.
    #[must_use]
    pub fn expected(&self, reference: &Self) -> Option<Quality> {
        reference.column.as_ref()?;
        let rate = |one: &ScoreBin| {
            let (mut rows, mut positives) = (0, 0);
            for known in reference.bins.iter().filter(|known| known.bin == one.bin) {
                rows += known.rows;
                positives += known.positives;
            }
            if rows == 0 { one.sum } else { float(one.rows) * float(positives) / float(rows) }
        };
        Some(Quality::of(&self.by_decision(rate)))
    }
}

/// How good scores are, known or expected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    pub rows: u64,
    pub positive_rate: f64,
    #[serde(flatten)]
    pub figures: Figures,
}

impl Quality {
    fn of(rows: &ByDecision) -> Self {
        let all = || rows.iter().flatten();
        let count = all().map(|bin| bin.rows).sum::<u64>();
        let positives: f64 = all().map(|bin| bin.positives).sum();
        Self {
            rows: count,
            positive_rate: positives / float(count.max(1)),
            figures: Figures::of(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(rows: &[(f64, bool)]) -> Outcomes {
        let mut outcomes = Outcomes {
            column: Some("late".to_owned()),
            prediction: "p".to_owned(),
            positive: None,
            negative: None,
            threshold: 0.5,
            bins: Vec::new(),
        };
        for (score, truth) in rows {
            outcomes.add(*score, *score >= 0.5, *truth);
        }
        outcomes.sort();
        outcomes
    }

    #[test]
    fn rows_are_counted_by_score_decision_and_truth() {
        let some = outcomes(&[(0.9, true), (0.1, false), (0.9, false), (f64::NAN, true)]);
        let low = ScoreBin { bin: 6, decided: false, rows: 1, sum: 0.1, positives: 0 };
        let high = ScoreBin { bin: 57, decided: true, rows: 2, sum: 1.8, positives: 1 };
        assert_eq!(some.bins, [low, high]);
        let quality = some.realised().unwrap();
        assert_eq!((quality.rows, quality.figures.precision), (3, Some(0.5)));
    }

    #[test]
    fn what_is_expected_follows_what_scores_meant_in_the_reference() {
        // Of the scores of 0.9 half are right, and none of 0.1.
        let reference = outcomes(&[(0.9, true), (0.9, false), (0.1, false), (0.1, false)]);
        let mut now = outcomes(&[(0.9, false); 4]);
        now.column = None;
        assert_eq!(now.realised(), None);
        let expected = now.expected(&reference).unwrap();
        assert_eq!((expected.positive_rate, expected.figures.accuracy), (0.5, Some(0.5)));
        let elsewhere = outcomes(&[(0.3, false)]).expected(&reference).unwrap();
        assert!((elsewhere.positive_rate - 0.3).abs() < 1e-12, "the score is believed");
        assert_eq!(reference.expected(&now), None, "nothing is known of it");
    }

    #[test]
    fn score_bins_that_make_no_sense_are_named() {
        let error = |change: fn(&mut ScoreBin)| {
            let mut some = outcomes(&[(0.1, true), (0.2, true)]);
            change(&mut some.bins[1]);
            some.check().unwrap_err().to_string()
        };
        assert_eq!(error(|one| one.bin = 64), "score bin 64 is none of 64");
        assert_eq!(error(|one| one.bin = 6), "score bin 6 is there twice");
        assert_eq!(error(|one| one.positives = 2), "score bin 12 has 2 positives of 1 rows");
        assert_eq!(error(|one| one.sum = f64::NAN), "the sum of score bin 12 is not finite");
        assert_eq!(outcomes(&[(0.1, true)]).check(), Ok(()));
    }
}
