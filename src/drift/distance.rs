//! Distances between two samples of one feature that were counted in the same bins.

use super::binning::Binning;
use crate::stats::counts::{self, proportions};
use crate::stats::{Mass, divergence, wasserstein_bins};

/// Counts and sums of one feature's bins.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    pub counts: &'a [u64],
    /// Of the bins of finite numbers; may be longer, and is empty for texts.
    pub sums: &'a [f64],
}

impl Sample<'_> {
    /// What the bins of finite numbers hold; nothing for texts.
    #[must_use]
    pub fn masses(&self, binning: &Binning) -> Vec<Mass> {
        let finite = if binning.is_of_numbers() { binning.finite() } else { 0 };
        let pairs = self.counts.iter().zip(self.sums).take(finite);
        pairs.map(|(count, sum)| Mass { count: *count, sum: *sum }).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distances {
    pub psi: f64,
    pub jensen_shannon: f64,
    pub hellinger: f64,
    pub l_infinity: f64,
    /// Of the finite numbers in intervals: a lower bound.
    pub kolmogorov_smirnov: Option<f64>,
    /// Of the finite numbers, in their own unit.
    pub wasserstein: Option<f64>,
}

impl Distances {
    /// `None` if one side is empty, or they are not of these bins.
    #[must_use]
    pub fn between(binning: &Binning, reference: Sample, current: Sample) -> Option<Self> {
        let bins = binning.bins();
        if reference.counts.len() != bins || current.counts.len() != bins {
            return None;
        }
        let (before, now) = used(reference.counts, current.counts);
        let shares = (proportions(&before)?, proportions(&now)?);
        let finite = binning.finite();
        let ordered = || {
            let counts = (&reference.counts[..finite], &current.counts[..finite]);
            divergence::kolmogorov_smirnov(&proportions(counts.0)?, &proportions(counts.1)?)
        };
        Some(Self {
            psi: counts::psi(&before, &now)?,
            jensen_shannon: divergence::jensen_shannon(&shares.0, &shares.1)?,
            hellinger: divergence::hellinger(&shares.0, &shares.1)?,
            l_infinity: divergence::l_infinity(&shares.0, &shares.1)?,
            kolmogorov_smirnov: binning.is_ordered().then(ordered).flatten(),
            wasserstein: wasserstein_bins(&reference.masses(binning), &current.masses(binning)),
        })
    }
}

/// The counts of bins that are not empty on both sides: those that nothing ever falls into, as
/// that of infinities, must not make noise look larger than it is.
#[must_use]
pub fn used(reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let pairs = reference.iter().zip(current).map(|(before, now)| (*before, *now));
    pairs.filter(|(before, now)| before + now > 0).unzip()
}
