//! How far the data of a window is from the reference, feature by feature.

use serde::{Deserialize, Serialize};

use super::distance::{Distances, Sample, used};
use super::reference::Watched;
use super::tally::Tally;
use crate::stats::counts::{Alpha, chi_squared, critical_psi, expected_psi};
use crate::stats::float;

/// What one feature shows in one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Values that were counted.
    pub values: u64,
    /// Population stability index of smoothed counts.
    pub psi: f64,
    /// What it is on average where nothing has drifted.
    pub psi_expected: f64,
    /// What it exceeds by chance as seldom as the budget of false alarms allows.
    pub psi_critical: f64,
    pub jensen_shannon: f64,
    pub hellinger: f64,
    pub l_infinity: f64,
    /// Of intervals: a lower bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kolmogorov_smirnov: Option<f64>,
    /// First Wasserstein distance, in standard deviations of the reference; of numbers that
    /// were not all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wasserstein: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chi_squared_p: Option<f64>,
    /// Shares of the values.
    pub missing: f64,
    /// Absent where only bins are known, and not the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<f64>,
}

/// Fewer values say nothing: so many for each bin, and at least [`LEAST_VALUES`].
const VALUES_PER_BIN: u64 = 20;
const LEAST_VALUES: u64 = 200;

impl Scores {
    /// `place` is the feature's among those of its reference. `None` where too little was seen.
    #[must_use]
    pub fn of(watched: &Watched, place: usize, tally: &Tally, alpha: Alpha) -> Option<Self> {
        let bins = watched.first..watched.first + watched.binning.bins();
        let counts = tally.counts.get(bins.clone())?;
        let sums = tally.sums.get(bins)?;
        let values = counts.iter().sum::<u64>();
        if values < least_values(watched.binning.bins()) {
            return None;
        }
        let profile = &watched.profile;
        let reference = profile.sample();
        let distances = Distances::between(&watched.binning, reference, Sample { counts, sums })?;
        let (before, now) = used(reference.counts, counts);
        let (bins, sizes) = (before.len(), (before.iter().sum(), now.iter().sum()));
        let sigma = profile.moments.map(|moments| moments.sigma).filter(|sigma| *sigma > 0.0);
        Some(Self {
            values,
            psi: distances.psi,
            psi_expected: expected_psi(bins, sizes.0, sizes.1).unwrap_or(0.0),
            psi_critical: critical_psi(bins, sizes.0, sizes.1, alpha).unwrap_or(0.0),
            jensen_shannon: distances.jensen_shannon,
            hellinger: distances.hellinger,
            l_infinity: distances.l_infinity,
            kolmogorov_smirnov: distances.kolmogorov_smirnov,
            wasserstein: distances.wasserstein.zip(sigma).map(|(distance, sigma)| distance / sigma),
            chi_squared_p: chi_squared(&before, &now).map(|test| test.p_value),
            missing: share(counts[watched.binning.missing()], values),
            outside: Some(share(tally.outside.get(place).copied().unwrap_or(0), values)),
        })
    }
}

/// Fewer values in so many bins say nothing.
pub(super) fn least_values(bins: usize) -> u64 {
    LEAST_VALUES.max(VALUES_PER_BIN * bins as u64)
}

/// Nought of nothing.
pub(super) fn share(part: u64, of: u64) -> f64 {
    float(part) / float(of.max(1))
}
