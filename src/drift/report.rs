//! What a monitor found at its last look, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::history::{Moment, Span};
use super::score::Scores;
use super::verdict::State;
use crate::features::{Reading, Role};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Of the profile.
    pub reference: String,
    /// Rows of the profile.
    pub reference_rows: u64,
    /// The worst of the features'.
    pub state: State,
    /// Share of the inputs that have drifted, by their importance.
    pub drifted_inputs: f64,
    pub drifted_predictions: f64,
    pub windows: BTreeMap<Span, Window>,
    /// Those that need attention first.
    pub features: Vec<Feature>,
}

/// A window of time that ended at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    pub seconds: f64,
    /// Whether its time has passed since counting began.
    pub full: bool,
    pub rows: u64,
    /// Of very large requests only a part of the rows is counted.
    pub counted_rows: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feature {
    pub name: String,
    pub role: Role,
    pub reading: Reading,
    /// Its share of what moves the predictions, if the profile says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<f64>,
    pub state: State,
    /// Since when it is in this state, in seconds since the epoch.
    #[serde(serialize_with = "seconds")]
    pub since: Moment,
    /// Absent where too little was seen.
    pub scores: SpanScores,
}

/// Scores of each window. A map would take a kilobyte for two entries, and there are as many of
/// these as features.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SpanScores {
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<Scores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    long: Option<Scores>,
}

impl SpanScores {
    #[must_use]
    pub fn get(&self, span: Span) -> Option<&Scores> {
        match span {
            Span::Short => self.short.as_ref(),
            Span::Long => self.long.as_ref(),
        }
    }

    fn values(&self) -> impl Iterator<Item = &Scores> {
        self.short.iter().chain(&self.long)
    }
}

impl FromIterator<(Span, Scores)> for SpanScores {
    fn from_iter<I: IntoIterator<Item = (Span, Scores)>>(found: I) -> Self {
        let mut scores = Self::default();
        for (span, of) in found {
            match span {
                Span::Short => scores.short = Some(of),
                Span::Long => scores.long = Some(of),
            }
        }
        scores
    }
}

fn seconds<S: serde::Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(moment.as_secs_f64())
}

impl Report {
    /// Puts what needs attention first: what has drifted, and then by how much.
    pub(super) fn sort(&mut self) {
        let psi = |feature: &Feature| {
            feature.scores.values().map(|scores| scores.psi).fold(0.0, f64::max)
        };
        self.features.sort_by(|a, b| {
            b.state.cmp(&a.state).then(psi(b).total_cmp(&psi(a))).then(a.name.cmp(&b.name))
        });
    }
}
