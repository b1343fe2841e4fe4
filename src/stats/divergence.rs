//! Distances between two discrete distributions, from their proportions alone.
//!
//! Both sides have one proportion per bin, in the same order, and sum to 1; nothing is
//! normalised or smoothed here. Every function gives `None` if there are no bins, if the sides
//! have different numbers of them, or if a proportion is negative, infinite or NaN.

/// Population stability index, in nats: `Σ (r - c) ln(r / c)`, zero and up.
///
/// Infinite where a bin is empty on one side only: counts come with
/// [`smoothed`](super::counts::smoothed) proportions. Bins that both sides lack add nothing.
///
/// Source: the divergence J(1, 2) of Kullback and Leibler, "On Information and Sufficiency"
/// (1951).
#[must_use]
pub fn psi(reference: &[f64], current: &[f64]) -> Option<f64> {
    let term = |(r, c): (f64, f64)| {
        let apart = r - c;
        // Also where both are zero, and their ratio is no number.
        if apart.abs() > 0.0 { apart * (r / c).ln() } else { 0.0 }
    };
    Some(pairs(reference, current)?.map(term).sum())
}

/// Jensen-Shannon distance, from 0 to 1: the root of the divergence in bits.
///
/// Source: Endres and Schindelin, "A new metric for probability distributions" (2003); as
/// `scipy.spatial.distance.jensenshannon` with `base=2`.
#[must_use]
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let half = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).ln() } else { 0.0 };
    let term = |(r, c): (f64, f64)| half(r, f64::midpoint(r, c)) + half(c, f64::midpoint(r, c));
    let twice: f64 = pairs(reference, current)?.map(term).sum();
    // Rounding may leave a little less than zero.
    Some((twice / std::f64::consts::LN_2 / 2.0).max(0.0).sqrt())
}

/// Hellinger distance, from 0 to 1: `sqrt(Σ (√r - √c)² / 2)`.
///
/// Source: Hellinger (1909), with the factor that makes disjoint distributions 1 apart.
#[must_use]
pub fn hellinger(reference: &[f64], current: &[f64]) -> Option<f64> {
    let term = |(r, c): (f64, f64)| (r.sqrt() - c.sqrt()).powi(2);
    Some((pairs(reference, current)?.map(term).sum::<f64>() / 2.0).sqrt())
}

/// The largest difference of a proportion, from 0 to 1.
#[must_use]
pub fn l_infinity(reference: &[f64], current: &[f64]) -> Option<f64> {
    Some(pairs(reference, current)?.map(|(r, c)| (r - c).abs()).fold(0.0, f64::max))
}

/// Kolmogorov-Smirnov D of ordered bins, from 0 to 1: the largest difference of the cumulated
/// proportions.
///
/// Never more than the D of the values in the bins, and less by at most the largest
/// proportion of either side: inside a bin nothing is known.
#[must_use]
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (mut below_r, mut below_c) = (0.0, 0.0);
    let apart = pairs(reference, current)?.map(|(r, c)| {
        below_r += r;
        below_c += c;
        f64::abs(below_r - below_c)
    });
    Some(apart.fold(0.0, f64::max))
}

fn pairs<'p>(
    reference: &'p [f64],
    current: &'p [f64],
) -> Option<impl Iterator<Item = (f64, f64)> + 'p> {
    let sound = |side: &[f64]| side.iter().all(|p| *p >= 0.0 && p.is_finite());
    let fit = !reference.is_empty() && reference.len() == current.len();
    (fit && sound(reference) && sound(current))
        .then(|| reference.iter().copied().zip(current.iter().copied()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Distance = fn(&[f64], &[f64]) -> Option<f64>;

    const DISTANCES: [Distance; 5] =
        [psi, jensen_shannon, hellinger, l_infinity, kolmogorov_smirnov];

    fn share(weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }

    /// Two distributions over the same bins, of which some are empty.
    fn two() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        let weight = || prop_oneof![9 => 0.01..1.0, 1 => Just(0.0)];
        let pairs = proptest::collection::vec((weight(), weight()), 1..30);
        pairs.prop_filter_map("a side is empty", |pairs| {
            let (left, right): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let some = |side: &[f64]| side.iter().any(|weight| *weight > 0.0);
            (some(&left) && some(&right)).then(|| (share(&left), share(&right)))
        })
    }

    proptest! {
        #[test]
        fn every_distance_is_symmetric_and_not_negative((p, q) in two()) {
            for distance in DISTANCES {
                let (there, back) = (distance(&p, &q).unwrap(), distance(&q, &p).unwrap());
                prop_assert!(there >= 0.0);
                prop_assert!(there.is_infinite() && back.is_infinite() || (there - back).abs() < 1e-12);
            }
        }

        #[test]
        fn every_distance_between_equals_is_zero((p, _) in two()) {
            for distance in DISTANCES {
                prop_assert_eq!(distance(&p, &p), Some(0.0));
            }
        }

        #[test]
        fn all_but_the_stability_index_are_at_most_one((p, q) in two()) {
            for distance in &DISTANCES[1..] {
                prop_assert!(distance(&p, &q).unwrap() <= 1.0 + 1e-12);
            }
        }

        #[test]
        fn bins_put_together_are_no_further_apart((p, q) in two(), at in 0usize..30) {
            prop_assume!(p.len() > 1);
            let at = at % (p.len() - 1);
            let join = |side: &[f64]| {
                let mut side = side.to_vec();
                side[at] += side.remove(at + 1);
                side
            };
            for distance in [psi, jensen_shannon, hellinger, kolmogorov_smirnov] {
                let joined = distance(&join(&p), &join(&q)).unwrap();
                prop_assert!(joined <= distance(&p, &q).unwrap() + 1e-12);
            }
        }
    }

    #[test]
    fn the_distances_of_the_literature_come_out() {
        let near = |known: f64, found: Option<f64>| assert!((found.unwrap() - known).abs() < 1e-6);
        let (p, q) = ([0.2, 0.8], [0.6, 0.4]);
        near(0.4 * 3f64.ln() + 0.4 * 2f64.ln(), psi(&p, &q));
        near(0.716_704, psi(&p, &q));
        near(0.557_923, jensen_shannon(&[1.0, 0.0], &[0.5, 0.5]));
        near((1.0 - 0.5f64.sqrt()).sqrt(), hellinger(&[1.0, 0.0], &[0.5, 0.5]));
        near(0.4, l_infinity(&p, &q));
        near(0.3, kolmogorov_smirnov(&[0.1, 0.2, 0.7], &[0.4, 0.2, 0.4]));
    }

    #[test]
    fn what_has_nothing_in_common_is_one_apart_and_infinitely_unstable() {
        let (p, q) = ([1.0, 0.0], [0.0, 1.0]);
        for distance in &DISTANCES[1..] {
            assert!((distance(&p, &q).unwrap() - 1.0).abs() < 1e-12);
        }
        assert_eq!(psi(&p, &q), Some(f64::INFINITY));
    }

    #[test]
    fn a_bin_that_both_lack_changes_nothing() {
        for distance in DISTANCES {
            let without = distance(&[0.2, 0.8], &[0.6, 0.4]);
            assert_eq!(distance(&[0.2, 0.0, 0.8], &[0.6, 0.0, 0.4]), without);
        }
    }

    #[test]
    fn no_bins_other_bins_and_no_proportions_have_no_distance() {
        for distance in DISTANCES {
            assert_eq!(distance(&[], &[]), None);
            assert_eq!(distance(&[1.0], &[0.5, 0.5]), None);
            assert_eq!(distance(&[1.0, f64::NAN], &[0.5, 0.5]), None);
            assert_eq!(distance(&[0.5, 0.5], &[1.5, -0.5]), None);
        }
    }
}
