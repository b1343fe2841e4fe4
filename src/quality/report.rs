//! How good a version is, as far as that is known, and as good as it thinks it is.

use serde::Serialize;

use super::tally::{Known, Made};
use super::target::Target;
use crate::stats::binary::{Figures, Scored};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub predictions: u64,
    /// Predictions whose truth is known.
    pub outcomes: u64,
    /// Their share.
    pub coverage: f64,
    /// Of those whose truth is known.
    pub realised: Realised,
    /// What calibrated scores promise of all predictions. Blind to a change of what the scores
    /// mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated: Option<Figures>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Realised {
    #[serde(flatten)]
    pub quality: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_mean_squared_error: Option<f64>,
}

impl Report {
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
    pub(super) fn new(target: &Target, made: &Made, known: &Known) -> Self {
        let rows = known.rows as f64;
        let mean = |sum: f64| (known.rows > 0).then(|| sum / rows);
        let realised = match target {
            Target::Score { .. } => Realised {
                quality: Figures::of(&known.scores),
                log_loss: mean(known.log_loss),
                brier: mean(known.brier),
                ..Realised::default()
            },
            Target::Label { .. } => Realised {
                quality: Figures { accuracy: mean(known.right as f64), ..Figures::default() },
                ..Realised::default()
            },
            Target::Value { .. } => Realised {
                mean_absolute_error: mean(known.absolute_error),
                root_mean_squared_error: mean(known.squared_error).map(f64::sqrt),
                ..Realised::default()
            },
        };
        let estimated = matches!(target, Target::Score { .. }).then(|| {
            let expected = made.scores.map(|bins| bins.map(Scored::expected));
            // Scores that are believed are calibrated.
            Figures { calibration_error: None, ..Figures::of(&expected) }
        });
        Self {
            predictions: made.rows,
            outcomes: known.rows,
            coverage: if made.rows == 0 { 0.0 } else { rows / made.rows as f64 },
            realised,
            estimated,
        }
    }
}
