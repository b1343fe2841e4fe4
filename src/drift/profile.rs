//! The reference profile: what a model's data looked like when it was trained, as a document.
//!
//! `onnxd profile` writes it, the server reads it beside the model file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::distance::Sample;
use super::outcomes::Outcomes;
use crate::features::{Reading, Role};

/// The only form there is so far.
pub const FORMAT: u32 = 1;

/// `profile.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub format: u32,
    /// Of the model file that made the predictions, in hexadecimal.
    pub sha256: String,
    pub rows: u64,
    pub features: Vec<FeatureProfile>,
    /// What the scores meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Outcomes>,
}

impl Profile {
    /// Features that go in.
    pub fn inputs(&self) -> impl Iterator<Item = &FeatureProfile> {
        self.features.iter().filter(|feature| feature.role == Role::Input)
    }

    /// Says what share of what moves the predictions each input has.
    pub fn weigh(&mut self, importances: &[(String, f64)]) {
        let inputs = self.features.iter_mut().filter(|feature| feature.role == Role::Input);
        for feature in inputs {
            let found = importances.iter().find(|(name, _)| *name == feature.name);
            feature.importance = found.map(|(_, share)| *share);
        }
    }
}

/// One feature in the reference data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureProfile {
    pub name: String,
    pub role: Role,
    pub reading: Reading,
    pub bins: Bins,
    /// Values in each bin, in the order of [`super::Binning`].
    pub counts: Vec<u64>,
    /// Their sums, of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<Moments>,
    /// Of an input, how much of what moves the predictions is its share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<f64>,
    /// 129 quantiles of the finite numbers, from the least to the greatest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// Of several lengths, the shortest first; none where the data is in no order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Blocks>,
}

impl FeatureProfile {
    /// What is usual in a window of this length, or in data that has no length in time but so
    /// many rows: the longest blocks that are no longer than it. Of longer ones it would look
    /// drifted whenever data has a cycle.
    #[must_use]
    pub fn usual(&self, window: Option<Duration>, rows: u64) -> Option<&Blocks> {
        let fits = |blocks: &&Blocks| match window.zip(blocks.seconds) {
            Some((window, seconds)) => seconds <= window.as_secs_f64(),
            None => blocks.rows <= rows,
        };
        self.blocks.iter().rev().find(fits).or(self.blocks.first())
    }

    /// Rows without a value.
    #[must_use]
    pub fn missing(&self) -> u64 {
        // Behind it, numbers have two bins for infinities.
        let behind = if matches!(self.bins, Bins::Texts(_)) { 0 } else { 2 };
        self.counts.iter().rev().nth(behind).copied().unwrap_or(0)
    }

    #[must_use]
    pub fn sample(&self) -> Sample<'_> {
        Sample { counts: &self.counts, sums: self.sums.as_deref().unwrap_or_default() }
    }
}

/// How values fall into bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bins {
    /// Between these, each bin closed on the right.
    Edges(Vec<f64>),
    /// One for each of these numbers.
    Numbers(Vec<f64>),
    /// One for each of these texts.
    Texts(Vec<String>),
}

/// Of the finite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    pub mean: f64,
    /// The population's standard deviation.
    pub sigma: f64,
    pub least: f64,
    pub greatest: f64,
}

/// How much contiguous blocks of one length differ from the rest of the reference: data in order
/// of time drifts all the time, and only what goes beyond that is news.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    pub count: usize,
    /// Rows of each, about.
    pub rows: u64,
    /// Time of each, about; absent where the data does not say what its times are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Beyond what chance makes of so many rows.
    pub psi: Spread,
    /// In standard deviations of the reference; of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasserstein: Option<Spread>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    pub mean: f64,
    pub sigma: f64,
}

impl Spread {
    /// What a block hardly ever exceeds.
    #[must_use]
    pub fn limit(self) -> f64 {
        self.mean + 3.0 * self.sigma
    }
}
