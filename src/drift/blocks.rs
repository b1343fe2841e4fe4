//! How much the reference differs from itself over time, in stretches of several lengths.
//!
//! A day differs from all days together by more than a month does, and an hour by more than a
//! day: there are cycles, and what is slow averages out. So a window can only be compared with
//! stretches of about its own length.

use std::time::Duration;

use super::distance::Sample;
use super::profile::{Blocks, Spread};
use super::reference::Watched;
use super::tally::Tally;
use crate::stats::Mass;
use crate::stats::calibration::{Usual, leave_one_out_psi, leave_one_out_wasserstein};
use crate::stats::counts::expected_psi;

/// The shortest blocks that a reference is cut into: so many at most, and with so many rows.
const MOST: u64 = 1024;
const LEAST_ROWS: u64 = 100;

/// Bins of all blocks together, at 16 bytes: 64 MB while a profile is made.
const MOST_BINS: u64 = 1 << 22;

/// Fewer blocks say nothing of what is usual.
const LEAST: usize = 5;

/// How many blocks so many rows make, where all features together have so many bins.
pub(super) fn number(rows: u64, bins: usize) -> usize {
    let most = MOST.min(MOST_BINS / (bins as u64).max(1)).max(1);
    usize::try_from((rows / LEAST_ROWS).clamp(1, most)).unwrap_or(1)
}

/// What was counted of one feature in one stretch of the reference.
struct Stretch {
    counts: Vec<u64>,
    sums: Vec<f64>,
}

/// What is usual of a feature over these blocks, and over blocks of twice, four times … their
/// length, the shortest first. `span` is the time of all together.
pub(super) fn of(watched: &Watched, blocks: &[Tally], span: Option<Duration>) -> Vec<Blocks> {
    let bins = watched.first..watched.first + watched.binning.bins();
    let stretch = |block: &Tally| Stretch {
        counts: block.counts[bins.clone()].to_vec(),
        sums: block.sums[bins.clone()].to_vec(),
    };
    let mut stretches: Vec<Stretch> = blocks.iter().map(stretch).collect();
    let mut found = Vec::new();
    while stretches.len() >= LEAST {
        found.extend(usual(watched, &stretches, span));
        stretches = in_pairs(stretches);
    }
    found
}

/// Blocks of twice the length; one that is left over joins the last pair.
fn in_pairs(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let pairs = stretches.len() / 2;
    let mut joined: Vec<Stretch> = Vec::with_capacity(pairs);
    for (place, stretch) in stretches.into_iter().enumerate() {
        match joined.last_mut() {
            Some(last) if place % 2 == 1 || place == 2 * pairs => last.add(&stretch),
            _ => joined.push(stretch),
        }
    }
    joined
}

fn usual(watched: &Watched, stretches: &[Stretch], span: Option<Duration>) -> Option<Blocks> {
    let samples: Vec<Sample> = stretches.iter().map(Stretch::sample).collect();
    let sigma = watched.profile.moments.map_or(0.0, |moments| moments.sigma);
    let masses: Vec<Vec<Mass>> =
        samples.iter().map(|sample| sample.masses(&watched.binning)).collect();
    let wasserstein = leave_one_out_wasserstein(&masses, sigma);
    let count = u32::try_from(stretches.len()).ok()?;
    let rows: u64 = stretches.iter().map(Stretch::rows).sum();
    Some(Blocks {
        count: stretches.len(),
        rows: rows / u64::from(count),
        seconds: span.map(|span| span.as_secs_f64() / f64::from(count)),
        psi: spread(&excess(&used(&samples))?)?,
        wasserstein: wasserstein.and_then(|distances| spread(&distances)),
    })
}

/// By how much each block's stability index is above what chance alone makes it.
fn excess(blocks: &[Vec<u64>]) -> Option<Vec<f64>> {
    let sizes: Vec<u64> = blocks.iter().map(|block| block.iter().sum()).collect();
    let all: u64 = sizes.iter().sum();
    let found = leave_one_out_psi(blocks)?;
    let expected = |size: u64| expected_psi(blocks[0].len(), all - size, size).unwrap_or(0.0);
    Some(found.iter().zip(sizes).map(|(psi, size)| psi - expected(size)).collect())
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

impl Stretch {
    fn sample(&self) -> Sample<'_> {
        Sample { counts: &self.counts, sums: &self.sums }
    }

    fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_left_over_joins_the_last_pair() {
        let stretch = |rows| Stretch { counts: vec![rows], sums: Vec::new() };
        let rows = |stretches: &[Stretch]| stretches.iter().map(Stretch::rows).collect::<Vec<_>>();
        let pairs = in_pairs([1, 2, 3, 4, 5].map(stretch).into());
        assert_eq!(rows(&pairs), [3, 12]);
        assert_eq!(rows(&in_pairs(pairs)), [15]);
    }

    #[test]
    fn many_features_make_fewer_blocks() {
        assert_eq!([number(50, 9), number(1_000, 9), number(1 << 30, 9)], [1, 10, 1024]);
        assert_eq!(number(1 << 30, 14_000), 299);
    }
}
