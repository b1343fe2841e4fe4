//! What is counted: predictions as they are made, and outcomes once the truth is known.

use super::target::{Target, Truth};
use super::token::{ClassId, Predicted};
use crate::stats::binary::{ByDecision, SCORE_BINS, Scored, score_bin};

/// Classes that are told apart; all others are one.
const MAX_CLASSES: usize = 32;

/// What all other classes are called.
const OTHER: &str = "other";

/// Bytes of a name that is told apart.
const MAX_NAME: usize = 128;

/// Predictions by score, and how many there were.
#[derive(Debug, Clone)]
pub struct Made {
    pub rows: u64,
    pub scores: Box<ByDecision>,
}

/// Predictions whose truth is known.
#[derive(Debug, Clone)]
pub struct Known {
    pub rows: u64,
    pub scores: Box<ByDecision>,
    /// Sums over rows: of scores, the logarithmic loss and the square of what they are off.
    pub log_loss: f64,
    pub brier: f64,
    /// Of numbers: what they are off, and its square.
    pub absolute_error: f64,
    pub squared_error: f64,
    /// Of classes: those that were right, and all by predicted and by true class.
    pub right: u64,
    pub classes: Classes,
}

/// Rows by predicted and by true class.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// In the order in which they first came.
    names: Vec<(ClassId, String)>,
    /// One more each way than names: any other class.
    counts: Vec<Vec<u64>>,
}

/// Probabilities are kept this far from 0 and 1, so that one sure mistake is not infinite.
const CLIP: f64 = 1e-15;

fn no_scores() -> Box<ByDecision> {
    Box::new([[Scored::default(); SCORE_BINS]; 2])
}

impl Default for Made {
    fn default() -> Self {
        Self { rows: 0, scores: no_scores() }
    }
}

impl Made {
    pub fn add(&mut self, predicted: Predicted, target: &Target) {
        self.rows += 1;
        let score = predicted.as_score();
        // A model that answers NaN makes no promise.
        if matches!(target, Target::Score { .. }) && score.is_finite() {
            let one = Scored { rows: 1, sum: score, positives: 0.0 };
            self.scores[usize::from(predicted.positive)][score_bin(score)].add(&one);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for (decision, others) in self.scores.iter_mut().zip(other.scores.iter()) {
            decision.iter_mut().zip(others).for_each(|(bin, other)| bin.add(other));
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self {
            rows: 0,
            scores: no_scores(),
            log_loss: 0.0,
            brier: 0.0,
            absolute_error: 0.0,
            squared_error: 0.0,
            right: 0,
            classes: Classes::default(),
        }
    }
}

/// A prediction beside its truth, which is something that it could be.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Score { score: f64, decided: bool, positive: bool },
    Class { predicted: ClassId, truth: String },
    Error(f64),
}

impl Outcome {
    /// `None` if the truth is nothing that the prediction could be.
    #[must_use]
    pub fn new(target: &Target, predicted: Predicted, truth: &Truth) -> Option<Self> {
        let score = predicted.as_score();
        match target {
            Target::Score { .. } => {
                let positive = target.is_positive(truth).filter(|_| score.is_finite())?;
                Some(Self::Score { score, decided: predicted.positive, positive })
            }
            Target::Label { .. } => {
                Some(Self::Class { predicted: predicted.as_class(), truth: truth.class() })
            }
            Target::Value { .. } => {
                let error = score - truth.number()?;
                (error * error).is_finite().then_some(Self::Error(error))
            }
        }
    }
}

impl Known {
    pub fn add(&mut self, outcome: Outcome) {
        self.rows += 1;
        match outcome {
            Outcome::Score { score, decided, positive } => {
                let truth = f64::from(u8::from(positive));
                let one = Scored { rows: 1, sum: score, positives: truth };
                self.scores[usize::from(decided)][score_bin(score)].add(&one);
                self.brier += (score - truth).powi(2);
                let likelihood = if positive { score } else { 1.0 - score };
                self.log_loss -= likelihood.clamp(CLIP, 1.0).ln();
            }
            Outcome::Class { predicted, truth } => {
                self.right += u64::from(ClassId::of(&truth) == predicted);
                self.classes.add(predicted, ClassId::of(&truth));
            }
            Outcome::Error(error) => {
                self.absolute_error += error.abs();
                self.squared_error += error * error;
            }
        }
    }
}

impl Classes {
    /// Learns the name of a class that the model gives, as long as there is room. Names become
    /// labels of metrics, so those of truths, which anybody may send, are not learnt.
    pub fn learn(&mut self, name: &str) {
        let is_known = self.names.iter().any(|(_, known)| known == name);
        if self.names.len() == MAX_CLASSES || is_known || name == OTHER || name.len() > MAX_NAME {
            return;
        }
        let id = ClassId::of(name);
        if self.counts.is_empty() {
            self.counts.push(vec![0]);
        }
        // Before those of any other class.
        let place = self.names.len();
        self.counts.iter_mut().for_each(|row| row.insert(place, 0));
        self.counts.insert(place, vec![0; place + 2]);
        self.names.push((id, name.to_owned()));
    }

    fn add(&mut self, predicted: ClassId, truth: ClassId) {
        let place = |id| {
            let found = self.names.iter().position(|(known, _)| *known == id);
            found.unwrap_or(self.names.len())
        };
        let (predicted, truth) = (place(predicted), place(truth));
        if let Some(count) = self.counts.get_mut(predicted).and_then(|row| row.get_mut(truth)) {
            *count += 1;
        }
    }

    /// Predicted class, true class and rows, of pairs that came.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let name = |place: usize| self.names.get(place).map_or(OTHER, |(_, name)| name.as_str());
        self.counts.iter().enumerate().flat_map(move |(predicted, row)| {
            let row = row.iter().enumerate().filter(|(_, count)| **count > 0);
            row.map(move |(truth, count)| (name(predicted), name(truth), *count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_apart_as_far_as_they_are_known() {
        let mut known = Known::default();
        for class in ["cat", "dog", "other"] {
            known.classes.learn(class);
        }
        for (predicted, truth) in [("cat", "cat"), ("cat", "dog"), ("owl", "dog"), ("dog", "dog")] {
            let predicted = ClassId::of(predicted);
            known.add(Outcome::Class { predicted, truth: truth.to_owned() });
        }
        assert_eq!((known.rows, known.right), (4, 2));
        let pairs: Vec<_> = known.classes.pairs().collect();
        let expected =
            [("cat", "cat", 1), ("cat", "dog", 1), ("dog", "dog", 1), ("other", "dog", 1)];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn more_classes_than_there_is_room_for_are_one() {
        let mut known = Known::default();
        for class in 0..100 {
            known.classes.learn(&class.to_string());
            let predicted = ClassId::of(&class.to_string());
            known.add(Outcome::Class { predicted, truth: class.to_string() });
        }
        assert_eq!(known.right, 100);
        let other = known.classes.pairs().find(|(predicted, ..)| *predicted == "other");
        assert_eq!(other, Some(("other", "other", 68)));
    }
}
