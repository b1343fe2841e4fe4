//! Ratios of two that were measured in pairs.

use crate::figure::median;
use crate::random::Random;

/// The median of the pairs' ratios, and between what it lies in 95 of 100 draws.
pub struct Ratio {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

const DRAWS: usize = 4_000;

/// The first of each pair over the second.
///
/// Source: the percentile bootstrap of Efron (1979).
pub fn ratio(pairs: &[[f64; 2]]) -> Ratio {
    let ratios: Vec<f64> = pairs.iter().map(|[one, other]| one / other).collect();
    let mut random = Random::new(7);
    let mut draw = || (0..ratios.len()).map(|_| ratios[random.below(ratios.len())]).collect();
    let mut medians: Vec<f64> = (0..DRAWS).map(|_| median(draw())).collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: usize| medians[DRAWS * share / 1000];
    Ratio { median: median(ratios.clone()), low: at(25), high: at(975) }
}
