//! What counts in bins say about a change, and how much of it is chance.
//!
//! Counts are never scaled to proportions before their number is used: how much two small
//! windows differ by chance alone depends on it.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF};

use super::{divergence, float};

/// The probability of a false alarm that is accepted: above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Alpha(f64);

/// Why a number is no [`Alpha`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("alpha is {0}, expected a probability above 0 and below 1")]
pub struct AlphaError(f64);

impl TryFrom<f64> for Alpha {
    type Error = AlphaError;

    fn try_from(alpha: f64) -> Result<Self, AlphaError> {
        if alpha > 0.0 && alpha < 1.0 { Ok(Self(alpha)) } else { Err(AlphaError(alpha)) }
    }
}

impl Alpha {
    /// The nearest probability between one in a million millions and one half, for a figure that
    /// somebody worked out and nobody would mean to lie outside of that.
    #[must_use]
    pub fn nearest(alpha: f64) -> Self {
        const LEAST: f64 = 1e-12;
        Self(if alpha.is_nan() { LEAST } else { alpha.clamp(LEAST, 0.5) })
    }

    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Each count's part of all: `k / n`. `None` if there is nothing.
#[must_use]
pub fn proportions(counts: &[u64]) -> Option<Vec<f64>> {
    let all = total(counts);
    (all > 0.0).then(|| counts.iter().map(|&count| float(count) / all).collect())
}

/// The same with half a row more in every one of K bins, so that none is empty:
/// `(k + ½) / (n + K/2)`. Even proportions if all counts are zero.
///
/// Source: the mean after Jeffreys' prior for a multinomial distribution.
#[must_use]
pub fn smoothed(counts: &[u64]) -> Vec<f64> {
    let all = total(counts) + float(counts.len() as u64) / 2.0;
    counts.iter().map(|&count| (float(count) + 0.5) / all).collect()
}

/// Population stability index of the [`smoothed`] proportions, in nats, always finite. `None`
/// if there are no bins or the sides have different numbers of them.
#[must_use]
pub fn psi(reference: &[u64], current: &[u64]) -> Option<f64> {
    divergence::psi(&smoothed(reference), &smoothed(current))
}

/// What the index of two samples of one distribution, of n and m rows, is on average:
/// `(K - 1)(1/n + 1/m)` for K bins. `None` for fewer than two bins or an empty sample.
///
/// Good for bins with some rows each; nearly empty bins add less than this says.
///
/// Source: Yurdakul, "Statistical Properties of Population Stability Index" (2018).
#[must_use]
pub fn expected_psi(bins: usize, n: u64, m: u64) -> Option<f64> {
    Some(freedom(bins)? * noise(n, m)?)
}

/// What that index exceeds with probability `alpha`: `(1/n + 1/m) χ²⁻¹(1 - alpha, K - 1)`.
/// `None` as for [`expected_psi`].
///
/// Source: as [`expected_psi`].
#[must_use]
pub fn critical_psi(bins: usize, n: u64, m: u64, alpha: Alpha) -> Option<f64> {
    Some(noise(n, m)? * critical_factor(bins, alpha)?)
}

/// The factor of the noise 1/n + 1/m in [`critical_psi`]: `χ²⁻¹(1 - alpha, K - 1)`. `None` for
/// fewer than two bins.
#[must_use]
pub fn critical_factor(bins: usize, alpha: Alpha) -> Option<f64> {
    let distribution = ChiSquared::new(freedom(bins)?).ok()?;
    Some(inverse_survival(&distribution, alpha))
}

/// Pearson's test of whether two rows of counts are from one distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    pub statistic: f64,
    pub degrees_of_freedom: usize,
    /// How likely at least such a statistic is where nothing has changed.
    pub p_value: f64,
}

/// That test without Yates' correction, on the bins that are not empty on both sides. `None`
/// if a side is empty, the sides have different numbers of bins or fewer than two are left.
///
/// Source: Pearson (1900); as `scipy.stats.chi2_contingency` with `correction=False`.
#[must_use]
pub fn chi_squared(reference: &[u64], current: &[u64]) -> Option<Homogeneity> {
    let (n, m) = (total(reference), total(current));
    if reference.len() != current.len() || n == 0.0 || m == 0.0 {
        return None;
    }
    let mut statistic = 0.0;
    let mut bins = 0;
    for (&r, &c) in reference.iter().zip(current).filter(|(r, c)| **r > 0 || **c > 0) {
        let (r, c) = (float(r), float(c));
        let (for_r, for_c) = ((r + c) * n / (n + m), (r + c) * m / (n + m));
        statistic += (r - for_r).powi(2) / for_r + (c - for_c).powi(2) / for_c;
        bins += 1;
    }
    let p_value = ChiSquared::new(freedom(bins)?).ok()?.sf(statistic);
    Some(Homogeneity { statistic, degrees_of_freedom: bins - 1, p_value })
}

/// All counts; they may add up to more than one of them can hold.
fn total(counts: &[u64]) -> f64 {
    counts.iter().map(|&count| float(count)).sum()
}

fn freedom(bins: usize) -> Option<f64> {
    (bins >= 2).then(|| float(bins as u64) - 1.0)
}

fn noise(n: u64, m: u64) -> Option<f64> {
    (n > 0 && m > 0).then(|| 1.0 / float(n) + 1.0 / float(m))
}

/// Where the survival function is `alpha`.
///
/// Not the inverse of the distribution function at `1 - alpha`: of a small alpha that
/// difference keeps too few digits, and below 1e-16 none.
fn inverse_survival(distribution: &ChiSquared, alpha: Alpha) -> f64 {
    let (mut low, mut high) = (0.0, distribution.freedom());
    while distribution.sf(high) > alpha.0 {
        (low, high) = (high, 2.0 * high);
    }
    let mut x = f64::midpoint(low, high);
    // Halving alone would take about 60 steps.
    for _ in 0..200 {
        let survival = distribution.sf(x);
        if survival > alpha.0 {
            low = x;
        } else {
            high = x;
        }
        // Newton's step on the logarithm, which is nearly straight in the tail.
        let slope = distribution.ln_pdf(x).exp() / survival;
        let mut next = x + (survival.ln() - alpha.0.ln()) / slope;
        if !(next > low && next < high) {
            next = f64::midpoint(low, high);
        }
        if (next - x).abs() <= 1e-15 * x {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alpha(value: f64) -> Alpha {
        Alpha::try_from(value).unwrap()
    }

    fn quantile(value: f64, freedom: f64) -> f64 {
        inverse_survival(&ChiSquared::new(freedom).unwrap(), alpha(value))
    }

    #[test]
    fn the_nearest_alpha_is_always_a_probability() {
        let nearest = [0.01, 0.0, -1.0, 7.0, f64::NAN].map(|alpha| Alpha::nearest(alpha).get());
        assert_eq!(nearest.map(f64::to_bits), [0.01, 1e-12, 1e-12, 0.5, 1e-12].map(f64::to_bits));
    }

    #[test]
    fn counts_become_proportions_and_smoothed_ones_are_never_zero() {
        assert_eq!(proportions(&[1, 3]).unwrap(), [0.25, 0.75]);
        assert_eq!(proportions(&[0, 0]), None);
        assert_eq!(smoothed(&[0, 3]), [0.125, 0.875]);
        assert_eq!(smoothed(&[0, 0]), [0.5, 0.5]);
        assert_eq!(psi(&[], &[]), None);
        assert_eq!(psi(&[1], &[1, 2]), None);
    }

    #[test]
    fn pearsons_test_gives_what_scipy_gives() {
        let test = chi_squared(&[10, 10, 20], &[20, 20, 20]).unwrap();
        assert!((test.statistic - 2.777_777_777_777_778).abs() < 1e-12);
        assert_eq!(test.degrees_of_freedom, 2);
        assert!((test.p_value - 0.249_352_208_777_296).abs() < 1e-12);
    }

    #[test]
    fn bins_that_both_sides_lack_are_left_out_of_the_test() {
        let without = chi_squared(&[10, 10, 20], &[20, 20, 20]);
        assert_eq!(chi_squared(&[10, 0, 10, 20, 0], &[20, 0, 20, 20, 0]), without);
    }

    #[test]
    fn a_test_needs_two_bins_and_rows_on_both_sides() {
        assert_eq!(chi_squared(&[5, 0], &[7, 0]), None);
        assert_eq!(chi_squared(&[5, 3], &[0, 0]), None);
        assert_eq!(chi_squared(&[5, 3], &[5, 3, 1]), None);
        assert_eq!(chi_squared(&[], &[]), None);
    }

    #[test]
    fn one_bin_or_no_rows_have_no_critical_value() {
        for (bins, n, m) in [(0, 9, 9), (1, 9, 9), (5, 0, 9), (5, 9, 0)] {
            assert_eq!(expected_psi(bins, n, m), None);
            assert_eq!(critical_psi(bins, n, m, alpha(0.01)), None);
        }
        assert!((expected_psi(11, 1000, 100).unwrap() - 0.11).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_probability_is_no_alpha() {
        for value in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(Alpha::try_from(value).is_err());
        }
        let message = Alpha::try_from(2.0).unwrap_err().to_string();
        assert_eq!(message, "alpha is 2, expected a probability above 0 and below 1");
    }

    #[test]
    fn quantiles_are_right_to_nine_digits_far_into_the_tail() {
        // Two degrees of freedom have a formula: -2 ln(alpha).
        for exponent in [-1, -3, -9, -15, -16, -17, -30, -100, -300] {
            let value = 10f64.powi(exponent);
            assert!((quantile(value, 2.0) / (-2.0 * value.ln()) - 1.0).abs() < 1e-12);
        }
        // The others are scipy.stats.chi2.isf(alpha, freedom).
        for (value, freedom, known) in KNOWN {
            assert!((quantile(value, freedom) / known - 1.0).abs() < 1e-12, "{value} {freedom}");
        }
    }

    const KNOWN: [(f64, f64, f64); 9] = [
        (0.5, 1.0, 0.454_936_423_119_572_4),
        (0.5, 255.0, 254.333_644_073_510_8),
        (0.01, 9.0, 21.665_994_333_461_928),
        (1e-6, 1.0, 23.928_126_976_934_827),
        (1e-6, 40.0, 97.652_957_415_063_04),
        (1e-9, 12.0, 67.349_203_348_101_65),
        (1e-9, 255.0, 414.545_039_664_199_2),
        (1e-30, 9.0, 164.188_753_870_885_62),
        (1e-30, 255.0, 606.925_645_759_444_7),
    ];

    proptest! {
        #[test]
        fn the_survival_of_a_quantile_is_alpha(
            exponent in -40.0..-0.01,
            freedom in 1u32..2000,
        ) {
            let value = 10f64.powf(exponent);
            let freedom = f64::from(freedom);
            let survival = ChiSquared::new(freedom).unwrap().sf(quantile(value, freedom));
            prop_assert!((survival / value - 1.0).abs() < 1e-10, "{survival} {value}");
        }

        #[test]
        fn equal_proportions_are_homogeneous(
            counts in proptest::collection::vec(1u64..1000, 2..20),
            times in 1u64..50,
        ) {
            let more: Vec<u64> = counts.iter().map(|count| count * times).collect();
            let test = chi_squared(&counts, &more).unwrap();
            prop_assert!(test.statistic < 1e-9 && test.p_value > 0.999_999);
            prop_assert_eq!(test.degrees_of_freedom, counts.len() - 1);
        }

        #[test]
        fn the_test_does_not_mind_which_side_is_which(
            pairs in proptest::collection::vec((0u64..500, 0u64..500), 2..20),
        ) {
            let (left, right): (Vec<u64>, Vec<u64>) = pairs.into_iter().unzip();
            let statistic = |a, b| chi_squared(a, b).map_or(0.0, |test| test.statistic);
            let there = statistic(&left, &right);
            prop_assert!((there - statistic(&right, &left)).abs() <= 1e-12 * there.max(1.0));
        }

        #[test]
        fn smoothing_keeps_the_index_finite_and_symmetric(
            pairs in proptest::collection::vec((0u64..500, 0u64..500), 1..20),
        ) {
            let (left, right): (Vec<u64>, Vec<u64>) = pairs.into_iter().unzip();
            let there = psi(&left, &right).unwrap();
            prop_assert!(there.is_finite() && there >= 0.0);
            prop_assert!((there - psi(&right, &left).unwrap()).abs() < 1e-12);
            prop_assert!((smoothed(&left).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }

        #[test]
        fn the_critical_value_lies_above_the_expected_one_and_grows_with_certainty(
            bins in 2usize..40,
            n in 50u64..100_000,
            m in 50u64..100_000,
        ) {
            let critical = |value| critical_psi(bins, n, m, alpha(value)).unwrap();
            prop_assert!(expected_psi(bins, n, m).unwrap() < critical(0.01));
            prop_assert!(critical(0.01) < critical(1e-6) && critical(1e-6) < critical(1e-9));
        }
    }
}
