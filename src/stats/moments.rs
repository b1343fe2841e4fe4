//! Mean, spread and range of values that are seen once and not kept.

/// The moments of finite values, in their unit.
///
/// Source: Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products"
/// (1962): nothing large is ever subtracted from something large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
    least: f64,
    greatest: f64,
}

impl Default for Moments {
    fn default() -> Self {
        let (least, greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { count: 0, mean: 0.0, squares: 0.0, least, greatest }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.add(value));
        moments
    }
}

impl Moments {
    /// The caller counts NaN and infinities apart: one of them would spoil all that follows.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let apart = value - self.mean;
        self.mean += apart / super::float(self.count);
        self.squares += apart * (value - self.mean);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The variance of a population: divided by n, not by n - 1.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.count > 0).then(|| self.squares / super::float(self.count))
    }

    /// The standard deviation of a population.
    #[must_use]
    pub fn sigma(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    #[must_use]
    pub fn least(&self) -> Option<f64> {
        (self.count > 0).then_some(self.least)
    }

    #[must_use]
    pub fn greatest(&self) -> Option<f64> {
        (self.count > 0).then_some(self.greatest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_values_have_no_moments() {
        let none = Moments::default();
        assert_eq!((none.count(), none.mean(), none.sigma()), (0, None, None));
        assert_eq!((none.least(), none.greatest()), (None, None));
    }

    #[test]
    fn a_constant_has_no_spread_at_all() {
        let moments: Moments = std::iter::repeat_n(0.1, 1000).collect();
        assert_eq!((moments.mean(), moments.sigma()), (Some(0.1), Some(0.0)));
    }

    #[test]
    fn a_large_mean_does_not_hide_a_small_spread() {
        let moments: Moments = (0..1000u32).map(|value| 1e9 + f64::from(value % 2)).collect();
        assert!((moments.variance().unwrap() - 0.25).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn moments_are_those_of_two_passes(
            values in proptest::collection::vec(-1e3..1e3, 1..200),
        ) {
            let n = super::super::float(values.len() as u64);
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            let moments: Moments = values.iter().copied().collect();
            prop_assert!((moments.mean().unwrap() - mean).abs() < 1e-9);
            prop_assert!((moments.variance().unwrap() - variance).abs() < 1e-6);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert_eq!(moments.least(), Some(least));
        }
    }
}
