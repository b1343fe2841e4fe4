//! Distances between two samples, from the values themselves and without bins.
//!
//! The values may come in any order. Every function gives `None` if a sample is empty or has
//! a NaN or an infinity: such values are counted, not measured.

use super::{Moments, float, in_sigmas};

/// Two-sample Kolmogorov-Smirnov D, from 0 to 1: the largest difference between the two
/// empirical distribution functions.
///
/// Source: Smirnov (1939); as the statistic of `scipy.stats.ks_2samp`.
#[must_use]
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (reference, current) = (sorted(reference)?, sorted(current)?);
    Some(Steps::new(&reference, &current).map(|step| step.apart).fold(0.0, f64::max))
}

/// Wasserstein-1 distance, in the unit of the values: the area between the two empirical
/// distribution functions.
///
/// Source: Vallender (1974); as `scipy.stats.wasserstein_distance`.
#[must_use]
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (reference, current) = (sorted(reference)?, sorted(current)?);
    Some(Steps::new(&reference, &current).map(|step| step.apart * step.width).sum())
}

/// The same in standard deviations of the reference, those of a population: without a unit.
/// `None` also if all values of the reference are equal.
///
/// Source: as evidently's "Wasserstein distance (normed)", which however takes 0.001 for any
/// smaller standard deviation, whatever the unit.
#[must_use]
pub fn wasserstein_normalised(reference: &[f64], current: &[f64]) -> Option<f64> {
    let sigma = reference.iter().copied().collect::<Moments>().sigma()?;
    in_sigmas(wasserstein(reference, current)?, sigma)
}

fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    Some(values)
}

/// The two distribution functions side by side, from one value to the next.
struct Steps<'s> {
    left: Side<'s>,
    right: Side<'s>,
}

struct Side<'s> {
    rest: &'s [f64],
    all: usize,
}

/// Where both distribution functions are constant.
struct Step {
    apart: f64,
    width: f64,
}

impl<'s> Steps<'s> {
    fn new(left: &'s [f64], right: &'s [f64]) -> Self {
        let side = |values: &'s [f64]| Side { rest: values, all: values.len() };
        Self { left: side(left), right: side(right) }
    }

    /// The least value that both are still to pass.
    fn next_value(&self) -> Option<f64> {
        let firsts = self.left.rest.first().into_iter().chain(self.right.rest.first());
        firsts.copied().reduce(f64::min)
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let value = self.next_value()?;
        let apart = (self.left.pass(value) - self.right.pass(value)).abs();
        let width = self.next_value().map_or(0.0, |next| next - value);
        Some(Step { apart, width })
    }
}

impl Side<'_> {
    /// The share of the values up to this one.
    fn pass(&mut self, value: f64) -> f64 {
        let equal = self.rest.iter().take_while(|next| **next <= value).count();
        self.rest = &self.rest[equal..];
        float((self.all - self.rest.len()) as u64) / float(self.all as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_values() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(prop_oneof![-5.0..5.0, (-3i32..3).prop_map(f64::from)], 1..60)
    }

    fn share_up_to(values: &[f64], at: f64) -> f64 {
        let below = values.iter().filter(|value| **value <= at).count();
        float(below as u64) / float(values.len() as u64)
    }

    #[test]
    fn the_distances_of_small_samples_are_those_of_scipy() {
        let (left, right) = ([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]);
        assert!((wasserstein(&left, &right).unwrap() - 5.0).abs() < 1e-12);
        assert_eq!(kolmogorov_smirnov(&left, &right), Some(1.0));
        let sigma = (14.0f64 / 9.0).sqrt();
        assert!((wasserstein_normalised(&left, &right).unwrap() - 5.0 / sigma).abs() < 1e-12);
        assert!((kolmogorov_smirnov(&[1.0, 2.0], &[2.0, 2.0, 3.0]).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_measured_has_no_distance() {
        for distance in [kolmogorov_smirnov, wasserstein, wasserstein_normalised] {
            for refused in [&[][..], &[1.0, f64::NAN], &[f64::INFINITY]] {
                assert_eq!(distance(refused, &[1.0, 2.0]), None);
                assert_eq!(distance(&[1.0, 2.0], refused), None);
            }
        }
        assert_eq!(wasserstein_normalised(&[2.0, 2.0], &[3.0]), None);
    }

    #[test]
    fn both_zeros_are_one_value() {
        assert_eq!(kolmogorov_smirnov(&[0.0, -0.0], &[-0.0]), Some(0.0));
    }

    proptest! {
        #[test]
        fn the_largest_difference_is_that_over_all_values(
            left in some_values(),
            right in some_values(),
        ) {
            let apart = |at: &f64| (share_up_to(&left, *at) - share_up_to(&right, *at)).abs();
            let expected = left.iter().chain(&right).map(apart).fold(0.0, f64::max);
            prop_assert_eq!(kolmogorov_smirnov(&left, &right), Some(expected));
        }

        #[test]
        fn moving_everything_by_so_much_is_a_distance_of_so_much(
            values in some_values(),
            shift in -9.0..9.0,
        ) {
            let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
            let distance = wasserstein(&values, &moved).unwrap();
            prop_assert!((distance - f64::abs(shift)).abs() < 1e-9);
        }

        #[test]
        fn distances_are_symmetric_and_zero_between_equals(
            left in some_values(),
            right in some_values(),
        ) {
            for distance in [kolmogorov_smirnov, wasserstein] {
                let (there, back) = (distance(&left, &right), distance(&right, &left));
                prop_assert!((there.unwrap() - back.unwrap()).abs() < 1e-12);
                prop_assert!(there.unwrap() >= 0.0);
                prop_assert_eq!(distance(&left, &left), Some(0.0));
            }
            prop_assert!(kolmogorov_smirnov(&left, &right).unwrap() <= 1.0);
        }

        #[test]
        fn detours_are_not_shorter(
            left in some_values(),
            over in some_values(),
            right in some_values(),
        ) {
            for distance in [kolmogorov_smirnov, wasserstein] {
                let detour = distance(&left, &over).unwrap() + distance(&over, &right).unwrap();
                prop_assert!(distance(&left, &right).unwrap() <= detour + 1e-12);
            }
        }
    }
}
