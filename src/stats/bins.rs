//! Ordered bins of numbers: their edges, the bin of a value, and distances from what bins hold.
//!
//! The bin is looked up of every value that is served: a few nanoseconds, no branch that a
//! processor could guess wrong.

use super::float;

/// The inner edges of bins that cover all numbers.
///
/// Bin `i` holds the values above edge `i - 1` up to and including edge `i`; the first and the
/// last bin are open towards infinity.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges(Vec<f64>);

/// Why numbers are no edges.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EdgeError {
    #[error("edge {index} is NaN, expected a finite number")]
    NotANumber { index: usize },
    #[error("edge {index} is {value}, expected a finite number")]
    Infinite { index: usize, value: f64 },
    #[error("edge {index} is {value}, expected more than the {before} before it")]
    NotIncreasing { index: usize, value: f64, before: f64 },
}

impl TryFrom<Vec<f64>> for Edges {
    type Error = EdgeError;

    /// # Errors
    ///
    /// If a number is not finite, or not greater than the one before it.
    fn try_from(edges: Vec<f64>) -> Result<Self, EdgeError> {
        let mut before = f64::NEG_INFINITY;
        for (index, &value) in edges.iter().enumerate() {
            if value.is_nan() {
                return Err(EdgeError::NotANumber { index });
            } else if value.is_infinite() {
                return Err(EdgeError::Infinite { index, value });
            } else if value <= before {
                return Err(EdgeError::NotIncreasing { index, value, before });
            }
            before = value;
        }
        Ok(Self::increasing(edges))
    }
}

impl Edges {
    /// Of numbers that are known to be finite and to increase.
    pub(super) fn increasing(edges: Vec<f64>) -> Self {
        Self(edges)
    }

    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// How many bins there are: one more than edges.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.0.len() + 1
    }

    /// The bin of a value: the number of edges below it. NaN falls into the first bin, the
    /// infinities into the outer ones; the caller counts them apart.
    ///
    /// An `f32` falls into the bin of the same number as an `f64`, whether or not the edges are
    /// numbers that an `f32` can hold.
    #[must_use]
    #[inline]
    pub fn bin_of(&self, value: impl Into<f64>) -> usize {
        let value = value.into();
        // All of them, without a branch: the compiler compares several at once. Ten edges take
        // less time so than a search does, and less than if they were padded or kept as `f32`.
        self.0.iter().map(|edge| usize::from(*edge < value)).sum()
    }

    /// What each bin holds of these values, which are finite.
    #[must_use]
    pub fn masses(&self, values: impl IntoIterator<Item = f64>) -> Vec<Mass> {
        let mut masses = vec![Mass::default(); self.bins()];
        values.into_iter().for_each(|value| masses[self.bin_of(value)].add(value));
        masses
    }
}

/// What is known of the values in a bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mass {
    pub count: u64,
    /// Of the values, in their unit.
    pub sum: f64,
}

impl Mass {
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }
}

/// Wasserstein-1 distance, in the unit of the values, as if all values of a bin were their
/// mean. `None` if a side is empty, a sum is not finite or the numbers of bins differ.
///
/// Never less than the difference of the means, which is the distance where everything moved
/// one way; apart from the true distance by at most the width of a bin, in the open bins that
/// of the values in them.
#[must_use]
pub fn wasserstein_bins(reference: &[Mass], current: &[Mass]) -> Option<f64> {
    if reference.len() != current.len() {
        return None;
    }
    let mut atoms = atoms(reference)?;
    atoms.extend(self::atoms(current)?.into_iter().map(|(mean, share)| (mean, -share)));
    atoms.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut apart, mut area) = (0.0, 0.0);
    for pair in atoms.windows(2) {
        apart += pair[0].1;
        area += f64::abs(apart) * (pair[1].0 - pair[0].0);
    }
    Some(area)
}

/// The mean of each bin that is not empty, and the share of its rows.
fn atoms(masses: &[Mass]) -> Option<Vec<(f64, f64)>> {
    let all: f64 = masses.iter().map(|mass| float(mass.count)).sum();
    let some = masses.iter().filter(|mass| mass.count > 0);
    let atom = |mass: &Mass| {
        mass.sum.is_finite().then(|| (mass.sum / float(mass.count), float(mass.count) / all))
    };
    let atoms: Vec<(f64, f64)> = some.map(atom).collect::<Option<_>>()?;
    (!atoms.is_empty()).then_some(atoms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::counts::proportions;
    use crate::stats::{Distinct, Precision, divergence, quantile_edges, samples};

    fn edges(values: &[f64]) -> Edges {
        Edges::try_from(values.to_vec()).unwrap()
    }

    fn message(values: &[f64]) -> String {
        Edges::try_from(values.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn edges_that_no_bins_can_have_are_refused_with_their_place() {
        assert_eq!(message(&[0.0, f64::NAN]), "edge 1 is NaN, expected a finite number");
        assert_eq!(message(&[f64::NEG_INFINITY]), "edge 0 is -inf, expected a finite number");
        assert_eq!(message(&[0.0, 2.0, 2.0]), "edge 2 is 2, expected more than the 2 before it");
        assert_eq!(message(&[-0.0, 0.0]), "edge 1 is 0, expected more than the -0 before it");
    }

    #[test]
    fn a_bin_has_its_upper_edge_and_not_its_lower_one() {
        let edges = edges(&[1.0, 2.0]);
        let bins = [0.9, 1.0, 1.1, 2.0, 2.1].map(|value| edges.bin_of(value));
        assert_eq!(bins, [0, 0, 1, 1, 2]);
        assert_eq!(edges.bins(), 3);
    }

    #[test]
    fn what_is_not_finite_falls_into_an_outer_bin() {
        let edges = edges(&[-1e300, 1.0, 1e300]);
        let doubles = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY].map(|x| edges.bin_of(x));
        let singles = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY].map(|x| edges.bin_of(x));
        assert_eq!((doubles, singles), ([0, 0, 3], [0, 0, 3]));
        assert_eq!([f32::MIN, f32::MAX].map(|x| edges.bin_of(x)), [1, 2]);
    }

    fn increasing(mut values: Vec<f64>) -> Edges {
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        Edges::try_from(values).unwrap()
    }

    #[expect(clippy::cast_possible_truncation, reason = "to test what lies on either side")]
    fn rounded(value: f64) -> f32 {
        value as f32
    }

    /// Finite numbers, also such as lie close to a number of the other precision.
    fn numbers() -> impl Strategy<Value = f64> {
        let single = any::<f32>().prop_filter("finite", |value| value.is_finite());
        let near = (single, -2i32..3).prop_map(|(value, by)| match by {
            ..0 => f64::from(value).next_down(),
            0 => f64::from(value),
            1.. => f64::from(value).next_up(),
        });
        let double = any::<f64>().prop_filter("finite", |value| value.is_finite());
        prop_oneof![near, double, -9.0..9.0].prop_map(|value| value + 0.0)
    }

    fn some_values() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(prop_oneof![-5.0..5.0, (-3i32..3).prop_map(f64::from)], 1..60)
    }

    proptest! {
        #[test]
        fn the_bin_of_a_value_is_the_number_of_edges_below_it(
            values in proptest::collection::vec(numbers(), 0..40),
            others in proptest::collection::vec(any::<f64>(), 20),
        ) {
            let edges = increasing(values.clone());
            for value in values.into_iter().chain(others) {
                let below = edges.as_slice().iter().filter(|edge| **edge < value).count();
                prop_assert_eq!(edges.bin_of(value), below);
            }
        }

        #[test]
        fn a_single_falls_into_the_bin_of_the_same_double(
            values in proptest::collection::vec(numbers(), 0..40),
            others in proptest::collection::vec(any::<f32>(), 20),
        ) {
            let edges = increasing(values.clone());
            let near = values.into_iter().flat_map(|value| {
                let single = rounded(value);
                [single.next_down(), single, single.next_up()]
            });
            for value in near.chain(others) {
                let value: f32 = value;
                let below = edges.as_slice().iter().filter(|edge| **edge < f64::from(value));
                prop_assert_eq!(edges.bin_of(value), below.count());
            }
        }

        #[test]
        fn bins_do_not_hide_how_far_the_mean_moved(left in some_values(), right in some_values()) {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / float(values.len() as u64);
            let apart = (mean(&left) - mean(&right)).abs();
            let edges = quantile_edges(&Distinct::of(left.clone()).unwrap(), 10, Precision::Double);
            let (left, right) = (edges.masses(left), edges.masses(right));
            let distance = wasserstein_bins(&left, &right).unwrap();
            prop_assert!(distance >= apart - 1e-9);
            prop_assert!((distance - wasserstein_bins(&right, &left).unwrap()).abs() < 1e-9);
            prop_assert!(wasserstein_bins(&left, &left).unwrap() < 1e-12);
        }

        #[test]
        fn the_distance_of_bins_is_off_by_their_width_at_most(
            left in proptest::collection::vec(0.0..1.0, 1..60),
            right in proptest::collection::vec(0.0..1.0, 1..60),
        ) {
            let edges = edges(&[0.2, 0.4, 0.6, 0.8]);
            let exact = samples::wasserstein(&left, &right).unwrap();
            let distance = wasserstein_bins(&edges.masses(left), &edges.masses(right)).unwrap();
            prop_assert!((distance - exact).abs() <= 0.2);
        }

        #[test]
        fn d_of_bins_is_less_than_that_of_values_by_the_largest_bin_at_most(
            left in some_values(),
            right in some_values(),
        ) {
            let exact = samples::kolmogorov_smirnov(&left, &right).unwrap();
            let edges = quantile_edges(&Distinct::of(left.clone()).unwrap(), 10, Precision::Double);
            let shares = |values: Vec<f64>| {
                let masses = edges.masses(values);
                proportions(&masses.iter().map(|mass| mass.count).collect::<Vec<u64>>()).unwrap()
            };
            let (left, right) = (shares(left), shares(right));
            let largest = left.iter().chain(&right).copied().fold(0.0, f64::max);
            let found = divergence::kolmogorov_smirnov(&left, &right).unwrap();
            prop_assert!(found <= exact + 1e-12 && exact <= found + largest + 1e-12);
        }
    }

    #[test]
    fn a_moved_sample_is_as_far_in_bins_as_in_its_values() {
        // Quantiles of a logistic distribution.
        let place = |rank: u32| f64::from(2 * rank + 1) / 20_000.0;
        let values: Vec<f64> =
            (0..10_000).map(|rank| (place(rank) / (1.0 - place(rank))).ln()).collect();
        let distinct = Distinct::of(values.clone()).unwrap();
        let edges = quantile_edges(&distinct, 10, Precision::Double);
        let before = edges.masses(values.iter().copied());
        for shift in [0.05, 0.2, 1.0, 6.0] {
            let after = edges.masses(values.iter().map(|value| value + shift));
            let distance = wasserstein_bins(&before, &after).unwrap();
            assert!((distance / shift - 1.0).abs() < 0.022, "{shift}: {distance}");
        }
    }

    #[test]
    fn empty_sides_other_bins_and_endless_sums_have_no_distance() {
        let (none, one) = (Mass::default(), Mass { count: 1, sum: 1.0 });
        let endless = Mass { count: 1, sum: f64::INFINITY };
        assert_eq!(wasserstein_bins(&[none], &[one]), None);
        assert_eq!(wasserstein_bins(&[one], &[none]), None);
        assert_eq!(wasserstein_bins(&[one], &[one, one]), None);
        assert_eq!(wasserstein_bins(&[one], &[endless]), None);
        assert_eq!(wasserstein_bins(&[one], &[one]), Some(0.0));
    }
}
