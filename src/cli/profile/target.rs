//! `--target`: scores beside what came true, counted while the data is read.

use super::passes::{Batch, Pass};
use crate::drift::Outcomes;
use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};
use crate::quality::{About, Target, Truth};
use crate::repository::Settings;
use crate::table::Cell;

/// What the command line says of truths.
pub(super) struct Truths {
    pub(super) column: String,
    /// The feature that is the probability.
    pub(super) score: Option<String>,
}

/// Counts the score bins of the rows that it sees.
pub(super) struct Scores {
    target: Target,
    found: Outcomes,
}

impl Scores {
    /// Of the score that the command line names, or `[quality]` of `model.toml`, or else of the
    /// only one that can be meant.
    ///
    /// # Errors
    /// There is no such score.
    pub(super) fn new(asked: Truths, settings: &Settings, of: &Signature) -> Result<Self, String> {
        let known = settings.quality.as_ref().map(|quality| quality.about.clone());
        let about = match (asked.score, known) {
            (None, Some(known)) => known,
            (Some(score), Some(known)) if is_of(&known, &score) => known,
            (Some(score), _) => score_of(score),
            (None, None) => score_of(only_probability(of)?),
        };
        Self::of(&about, Some(asked.column), of)
    }

    /// Of the score that a profile has bins of; none if it has none and nobody asks.
    ///
    /// # Errors
    /// The model has no such score, or there is a column of truths and no score for it.
    pub(super) fn of_profile(
        profile: Option<&Outcomes>,
        column: Option<String>,
        signature: &Signature,
    ) -> Result<Option<Self>, String> {
        let Some(profile) = profile else {
            let message = "it was made without --target, so there is nothing to compare one with";
            return if column.is_some() { Err(message.to_owned()) } else { Ok(None) };
        };
        let about = About::Score {
            feature: profile.prediction.clone(),
            positive: profile.positive.clone(),
            negative: profile.negative.clone(),
            threshold: profile.threshold,
        };
        Self::of(&about, column, signature).map(Some)
    }

    fn of(about: &About, column: Option<String>, signature: &Signature) -> Result<Self, String> {
        let target = Target::new(about, signature).map_err(|error| error.to_string())?;
        let (About::Score { feature, .. }, Target::Score { threshold, classes, .. }) =
            (about, &target)
        else {
            let what = target.describe();
            return Err(format!("[quality] is about {what}, expected a score of two classes"));
        };
        let [negative, positive] = classes.clone();
        let (prediction, threshold) = (feature.clone(), *threshold);
        let bins = Vec::new();
        let found = Outcomes { column, prediction, positive, negative, threshold, bins };
        Ok(Self { target, found })
    }

    pub(super) fn finish(mut self) -> Outcomes {
        self.found.sort();
        self.found
    }

    /// Whether a row is positive in truth; `None` where nobody knows.
    fn is_positive(&self, truth: &Cell, row: usize) -> Result<Option<bool>, String> {
        if truth.is_missing() {
            return Ok(None);
        }
        let known = self.target.is_positive(&Truth::Text(truth.class()));
        known.map(Some).ok_or_else(|| {
            let Target::Score { classes, .. } = &self.target else { return String::new() };
            let names: Vec<String> =
                classes.iter().flatten().map(|class| format!("'{class}'")).collect();
            let column = self.found.column.as_deref().unwrap_or_default();
            let expected = if names.is_empty() { "1 or 0".to_owned() } else { names.join(" or ") };
            let came = truth.describe();
            format!("row {row}, column '{column}': expected {expected} as the truth, came {came}")
        })
    }
}

impl Pass for Scores {
    fn add(&mut self, batch: &Batch) -> Result<(), String> {
        let mut predicted = Vec::with_capacity(batch.rows);
        self.target.each(&batch.outputs, |one| predicted.push((one.as_score(), one.positive)));
        for (row, (score, decided)) in predicted.into_iter().enumerate() {
            let truth = match batch.truths.get(row) {
                Some(truth) => self.is_positive(truth, batch.first + row)?,
                None => Some(false),
            };
            if let Some(positive) = truth {
                self.found.add(score, decided, positive);
            }
        }
        Ok(())
    }
}

/// The probability of a class that is called 1, if there is just one such: of other names
/// nobody knows which is the positive one.
fn only_probability(signature: &Signature) -> Result<String, String> {
    let mut known = features::of(signature);
    known.retain(|of| of.role == Role::Prediction && of.reading == Reading::Number);
    let ones: Vec<&Feature> = known.iter().filter(|of| of.name.ends_with(".1")).collect();
    if let [one] = ones.as_slice() {
        return Ok(one.name.clone());
    }
    let names: Vec<&str> = known.iter().map(|of| of.name.as_str()).collect();
    Err(format!(
        "--target: name the probability that it belongs to with --score, one of: {}",
        names.join(", ")
    ))
}

fn is_of(about: &About, name: &str) -> bool {
    matches!(about, About::Score { feature, .. } if feature == name)
}

fn score_of(feature: String) -> About {
    About::Score { feature, positive: None, negative: None, threshold: 0.5 }
}
