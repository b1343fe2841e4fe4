//! `[quality]` in `model.toml`: what a prediction is about, and how long its truth is awaited.

use std::time::Duration;

/// What the owner says; without it nothing is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub about: About,
    /// Feedback that comes later is not counted.
    pub expires: Duration,
    /// Predictions with an id that are remembered, so that feedback may name the id.
    pub remember: usize,
    /// Of classes: the share of predictions that must come true, or somebody is woken.
    pub min_accuracy: Option<f64>,
    /// Of a number: the mean absolute error that is accepted.
    pub max_absolute_error: Option<f64>,
}

/// Which feature is the prediction, by its name.
#[derive(Debug, Clone, PartialEq)]
pub enum About {
    /// The probability of one of two classes.
    Score { feature: String, positive: Option<String>, negative: Option<String>, threshold: f64 },
    /// A class.
    Label { feature: String },
    /// A number.
    Value { feature: String },
}
