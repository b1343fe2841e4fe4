//! What of an answer is the prediction, and what a truth means beside it.

use super::settings::About;
use super::token::{ClassId, Predicted};
use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};
use crate::table::class;
use crate::tensor::Tensor;

/// A prediction that was found among a model's features.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    Score {
        feature: Feature,
        threshold: f64,
        /// The negative class and the positive one, as far as they have names.
        classes: [Option<String>; 2],
    },
    Label {
        feature: Feature,
    },
    Value {
        feature: Feature,
    },
}

/// A truth, as feedback gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    Number(f64),
    Text(String),
    Bool(bool),
}

/// Settings that a model cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("quality: the model has no prediction '{name}', its predictions are: {known}")]
    Unknown { name: String, known: String },
    #[error("quality: '{0}' is a text, expected a number")]
    NotANumber(String),
}

impl Target {
    /// # Errors
    /// [`TargetError`] if there is no such prediction.
    pub fn new(about: &About, signature: &Signature) -> Result<Self, TargetError> {
        let mut known = features::of(signature);
        known.retain(|feature| feature.role == Role::Prediction);
        let number = |name: &str| {
            let feature = find(&known, name)?;
            if feature.reading == Reading::Text {
                return Err(TargetError::NotANumber(name.to_owned()));
            }
            Ok(feature)
        };
        Ok(match about {
            About::Score { feature, positive, negative, threshold } => {
                let own = sibling_classes(&known, feature);
                let positive = positive.clone().or(own.1).map(|name| class(&name));
                let negative = negative.clone().or(own.0).map(|name| class(&name));
                let feature = number(feature)?;
                Self::Score { feature, threshold: *threshold, classes: [negative, positive] }
            }
            About::Label { feature } => Self::Label { feature: find(&known, feature)? },
            About::Value { feature } => Self::Value { feature: number(feature)? },
        })
    }

    /// What is predicted, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let name = &self.feature().name;
        match self {
            Self::Score { classes: [_, Some(positive)], .. } => {
                format!("the probability '{name}' of '{positive}'")
            }
            Self::Score { .. } => format!("the probability '{name}'"),
            Self::Label { .. } => format!("the class '{name}'"),
            Self::Value { .. } => format!("the number '{name}'"),
        }
    }

    /// All of it that a prediction depends on, as a text: two targets with the same text predict
    /// the same of a file, whatever its outputs are called.
    #[must_use]
    pub fn identity(&self) -> String {
        let feature = self.feature();
        let place = (feature.tensor(), feature.element(0), feature.reading);
        match self {
            Self::Score { threshold, classes, .. } => {
                format!("score {place:?} {threshold:?} {classes:?}")
            }
            Self::Label { .. } => format!("label {place:?}"),
            Self::Value { .. } => format!("value {place:?}"),
        }
    }

    fn feature(&self) -> &Feature {
        match self {
            Self::Score { feature, .. } | Self::Label { feature } | Self::Value { feature } => {
                feature
            }
        }
    }

    /// Calls `take` with what was predicted for every row.
    pub fn each(&self, outputs: &[Tensor], mut take: impl FnMut(Predicted)) {
        let feature = self.feature();
        match self {
            Self::Score { threshold, .. } => feature.each_number(outputs, 1, |score| {
                take(Predicted::score(single(score), score >= *threshold));
            }),
            Self::Value { .. } => feature.each_number(outputs, 1, |value| {
                take(Predicted::score(single(value), false));
            }),
            Self::Label { .. } => self.each_class(outputs, |class| {
                take(Predicted::class(ClassId::of(&class)));
            }),
        }
    }

    /// Rows of an answer, where classes are predicted.
    #[must_use]
    pub fn rows_of_classes(&self, outputs: &[Tensor]) -> Option<usize> {
        matches!(self, Self::Label { .. }).then(|| features::rows([self.feature()], outputs))
    }

    /// Calls `take` with the class of every row, where classes are predicted.
    pub fn each_class(&self, outputs: &[Tensor], mut take: impl FnMut(String)) {
        let Self::Label { feature } = self else { return };
        if feature.reading == Reading::Text {
            feature.each_text(outputs, 1, |text| take(class(text)));
        } else {
            feature.each_number(outputs, 1, |number| take(class(&number.to_string())));
        }
    }

    /// Whether a truth is the positive class, of two; `None` if it is neither.
    #[must_use]
    pub fn is_positive(&self, truth: &Truth) -> Option<bool> {
        let Self::Score { classes, .. } = self else { return None };
        let truth = truth.class();
        if let Some(place) = classes.iter().position(|known| known.as_ref() == Some(&truth)) {
            return Some(place == 1);
        }
        match truth.as_str() {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        }
    }
}

impl Truth {
    /// In the one spelling of a class.
    #[must_use]
    pub fn class(&self) -> String {
        match self {
            Self::Number(number) => class(&number.to_string()),
            Self::Text(text) => class(text),
            Self::Bool(truth) => class(if *truth { "true" } else { "false" }),
        }
    }

    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(truth) => Some(f64::from(u8::from(*truth))),
        }
        .filter(|number: &f64| number.is_finite())
    }
}

fn find(known: &[Feature], name: &str) -> Result<Feature, TargetError> {
    known.iter().find(|feature| feature.name == name).cloned().ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(|feature| feature.name.as_str()).collect();
        TargetError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

/// The other class and the own one, where a score is one of two that are called by classes:
/// `probabilities.late` beside `probabilities.on-time`.
fn sibling_classes(known: &[Feature], name: &str) -> (Option<String>, Option<String>) {
    let Some((tensor, own)) = name.split_once('.') else { return (None, None) };
    let of_tensor =
        known.iter().filter_map(|feature| feature.name.strip_prefix(tensor)?.strip_prefix('.'));
    let others: Vec<&str> = of_tensor.filter(|class| *class != own).collect();
    let other = match others.as_slice() {
        [other] => Some((*other).to_owned()),
        _ => None,
    };
    (other, Some(own.to_owned()))
}

#[expect(clippy::cast_possible_truncation, reason = "a score has no more digits than that")]
fn single(number: f64) -> f32 {
    number as f32
}
