//! How much the reference differs from itself over time.

use super::distance::Sample;
use super::profile::{Blocks, Spread};
use super::reference::Watched;
use super::tally::Tally;
use crate::stats::Mass;
use crate::stats::calibration::{Usual, leave_one_out_psi, leave_one_out_wasserstein};

/// Blocks that a reference is cut into, and the rows that one must have.
const MOST: u64 = 60;
const LEAST_ROWS: u64 = 500;

/// Fewer blocks say nothing of what is usual.
const LEAST: usize = 5;

/// How many blocks so many rows make.
pub(super) fn number(rows: u64) -> usize {
    usize::try_from((rows / LEAST_ROWS).clamp(1, MOST)).unwrap_or(1)
}

/// What is usual of a feature over these blocks; `None` where they are too few.
pub(super) fn of(watched: &Watched, blocks: &[Tally]) -> Option<Blocks> {
    if blocks.len() < LEAST {
        return None;
    }
    let bins = watched.first..watched.first + watched.binning.bins();
    let samples: Vec<Sample> = blocks
        .iter()
        .map(|block| Sample {
            counts: &block.counts[bins.clone()],
            sums: &block.sums[bins.clone()],
        })
        .collect();
    let sigma = watched.profile.moments.map_or(0.0, |moments| moments.sigma);
    let masses: Vec<Vec<Mass>> =
        samples.iter().map(|sample| sample.masses(&watched.binning)).collect();
    let wasserstein = leave_one_out_wasserstein(&masses, sigma);
    Some(Blocks {
        count: blocks.len(),
        psi: spread(&leave_one_out_psi(&used(&samples))?)?,
        wasserstein: wasserstein.and_then(|distances| spread(&distances)),
    })
}

fn spread(statistics: &[f64]) -> Option<Spread> {
    let usual = Usual::of(statistics)?;
    Some(Spread { mean: usual.mean, sigma: usual.sigma })
}

/// The counts of each block in the bins that any block has something in.
fn used(samples: &[Sample]) -> Vec<Vec<u64>> {
    let is_used = |bin: &usize| samples.iter().any(|sample| sample.counts[*bin] > 0);
    let bins: Vec<usize> = (0..samples[0].counts.len()).filter(is_used).collect();
    let of = |sample: &Sample| bins.iter().map(|bin| sample.counts[*bin]).collect();
    samples.iter().map(of).collect()
}
