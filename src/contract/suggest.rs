//! A contract suggested from data that the model was trained on: what none of its rows broke.
//!
//! It is a beginning for somebody who knows the data, so it says what was seen and promises
//! little: it only observes until it is promoted.

mod numbers;
mod texts;

use super::document::{Document, FeatureRule, Mode, OutputRule};
use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};
use crate::tensor::Tensor;
use numbers::Numbers;
use texts::Texts;

/// The name of a suggested contract beside a model file.
pub const SUGGESTED_FILE: &str = "contract.suggested.toml";

/// Features that get a rule at most: nobody reads more.
const MOST_FEATURES: usize = 1_000;

/// Gathers what the data holds.
pub struct Suggestion {
    columns: Vec<Column>,
    rows: u64,
}

/// A contract, and for each of its rules what was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggested {
    pub document: Document,
    /// Of the features and then of the outputs, in the order of the document.
    pub notes: Vec<String>,
    pub rows: u64,
}

struct Column {
    feature: Feature,
    seen: Seen,
}

enum Seen {
    Numbers(Numbers),
    Texts(Texts),
}

impl Suggestion {
    #[must_use]
    pub fn new(signature: &Signature) -> Self {
        let of_one = features::of(signature).into_iter().filter(|feature| match feature.role {
            Role::Input => true,
            // A class that is a text is one of those that the model knows.
            Role::Prediction => feature.reading == Reading::Number,
        });
        Self { columns: of_one.take(MOST_FEATURES).map(Column::new).collect(), rows: 0 }
    }

    /// Looks at some rows. Both in the order of the signature.
    pub fn add(&mut self, inputs: &[Tensor], outputs: &[Tensor], rows: usize) {
        self.rows += rows as u64;
        for column in &mut self.columns {
            match column.feature.role {
                Role::Input => column.add(inputs),
                Role::Prediction => column.add(outputs),
            }
        }
    }

    /// The contract. It is empty if there were no rows.
    #[must_use]
    pub fn finish(self) -> Suggested {
        let mut document = Document { mode: Mode::Observe, ..Document::default() };
        let mut notes = Vec::new();
        for column in self.columns.iter().filter(|_| self.rows > 0) {
            let note = match column.feature.role {
                Role::Input => column.rule().map(|(rule, note)| {
                    document.features.push(rule);
                    note
                }),
                Role::Prediction => column.output().map(|(rule, note)| {
                    document.outputs.push(rule);
                    note
                }),
            };
            notes.extend(note);
        }
        Suggested { document, notes, rows: self.rows }
    }
}

impl Column {
    fn new(feature: Feature) -> Self {
        let seen = match feature.reading {
            Reading::Text => Seen::Texts(Texts::default()),
            _ => Seen::Numbers(Numbers::default()),
        };
        Self { feature, seen }
    }

    fn add(&mut self, tensors: &[Tensor]) {
        match &mut self.seen {
            Seen::Numbers(numbers) => {
                self.feature.each_number(tensors, 1, |number| numbers.add(number));
            }
            Seen::Texts(texts) => self.feature.each_text(tensors, 1, |text| texts.add(text)),
        }
    }

    /// Nothing if the data shows nothing that could be demanded.
    fn rule(&self) -> Option<(FeatureRule, String)> {
        let name = self.feature.name.clone();
        let (rule, note) = match &self.seen {
            Seen::Numbers(numbers) if self.feature.reading == Reading::Number => {
                (numbers.rule(name), numbers.note())
            }
            // Of an image or an embedding as a whole, bounds would be guesses.
            Seen::Numbers(numbers) => (numbers.rule_of_finite(name), numbers.note()),
            Seen::Texts(texts) => (texts.rule(name), texts.note()),
        };
        let demands = FeatureRule { name: rule.name.clone(), ..FeatureRule::default() };
        (rule != demands).then_some((rule, note))
    }

    fn output(&self) -> Option<(OutputRule, String)> {
        let Seen::Numbers(numbers) = &self.seen else { return None };
        Some((numbers.output(self.feature.name.clone())?, numbers.note()))
    }
}

#[cfg(test)]
mod tests;
