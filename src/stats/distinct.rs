//! The values of a column, each once and in order, with the number of its rows.
//!
//! Bins are cut from this, so that a value that many rows share is seen as one.

/// Finite values in ascending order, each with its count, which is not zero. The two zeros
/// are one value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distinct(Vec<(f64, u64)>);

impl Distinct {
    /// From values in any order, one a row. `None` if there is a NaN or an infinity.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        if !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        Some(Self::merge(values.into_iter().map(|value| (value, 1))))
    }

    /// From finite values in ascending order; equal ones may follow each other.
    pub(super) fn merge(sorted: impl Iterator<Item = (f64, u64)>) -> Self {
        let mut merged: Vec<(f64, u64)> = Vec::new();
        for (value, count) in sorted.filter(|(_, count)| *count > 0) {
            match merged.last_mut() {
                Some(last) if last.0 >= value => last.1 += count,
                // Adding zero makes of the negative zero the other one.
                _ => merged.push((value + 0.0, count)),
            }
        }
        Self(merged)
    }

    #[must_use]
    pub fn as_slice(&self) -> &[(f64, u64)] {
        &self.0
    }

    /// The rows of all values.
    #[must_use]
    pub fn rows(&self) -> u64 {
        rows(&self.0)
    }

    /// The values at the ranks 0, 1/128, 2/128 and so on to 1: 129 of them. `None` if there
    /// are no values.
    ///
    /// The value at a rank is the least one up to which there is at least this share of the
    /// rows; at rank 0 the least of all. Source: as `numpy.quantile(method="inverted_cdf")`.
    #[must_use]
    pub fn cdf(&self) -> Option<Vec<f64>> {
        const STEPS: u64 = 128;
        let all = self.rows();
        let mut values = self.0.iter();
        let mut at = *values.next()?;
        let mut points = Vec::new();
        for step in 0..=STEPS {
            while u128::from(at.1) * u128::from(STEPS) < u128::from(all) * u128::from(step) {
                let Some((value, count)) = values.next() else { break };
                at = (*value, at.1 + count);
            }
            points.push(at.0);
        }
        Some(points)
    }
}

/// The rows of some of the values.
pub(super) fn rows(values: &[(f64, u64)]) -> u64 {
    values.iter().map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_values_and_both_zeros_are_counted_as_one() {
        let distinct = Distinct::of(vec![2.0, 0.0, -1.0, -0.0, 2.0, 2.0]).unwrap();
        assert_eq!(distinct.as_slice(), [(-1.0, 1), (0.0, 2), (2.0, 3)]);
        assert!(distinct.as_slice()[1].0.is_sign_positive());
        assert_eq!(distinct.rows(), 6);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(Distinct::of(vec![1.0, f64::NAN]), None);
        assert_eq!(Distinct::of(vec![f64::NEG_INFINITY]), None);
        assert_eq!(Distinct::of(vec![]).unwrap().cdf(), None);
    }

    #[test]
    fn the_distribution_goes_from_the_least_value_over_the_median_to_the_greatest() {
        let cdf = Distinct::of((0..=1000).map(f64::from).collect()).unwrap().cdf().unwrap();
        assert_eq!(cdf.len(), 129);
        assert_eq!((cdf[0], cdf[64], cdf[128]), (0.0, 500.0, 1000.0));
        assert_eq!(Distinct::of(vec![7.0]).unwrap().cdf(), Some(vec![7.0; 129]));
    }

    proptest! {
        #[test]
        fn the_value_at_a_rank_is_the_least_one_that_reaches_it(
            values in proptest::collection::vec(prop_oneof![-9.0..9.0, Just(1.0)], 1..400),
        ) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let place = |step: usize| (step * sorted.len()).div_ceil(128).max(1) - 1;
            let expected: Vec<f64> = (0..=128).map(|step| sorted[place(step)]).collect();
            prop_assert_eq!(Distinct::of(values).unwrap().cdf().unwrap(), expected);
        }
    }
}
