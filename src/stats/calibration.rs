//! How much a column differs from itself over time, with nothing wrong.
//!
//! Data that comes in order of time (weather, prices) differs from day to day more than chance
//! would have it. So the reference is cut into blocks that follow each other, each block is
//! compared with all others, and what is usual among them is no drift.

use super::{Mass, Moments, counts, in_sigmas, wasserstein_bins};

/// What is usual of a statistic, over the blocks of a reference. In its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    pub mean: f64,
    /// The standard deviation of a population: divided by the number of blocks.
    pub sigma: f64,
}

impl Usual {
    /// Of the statistics of blocks. `None` if there are none, or one is not finite.
    ///
    /// Source: as nannyml's `StandardDeviationThreshold`.
    #[must_use]
    pub fn of(statistics: &[f64]) -> Option<Self> {
        if !statistics.iter().all(|statistic| statistic.is_finite()) {
            return None;
        }
        let moments: Moments = statistics.iter().copied().collect();
        Some(Self { mean: moments.mean()?, sigma: moments.sigma()? })
    }

    /// What is no longer usual: more than the mean and three standard deviations.
    #[must_use]
    pub fn limit(&self) -> f64 {
        self.mean + 3.0 * self.sigma
    }
}

/// The smoothed population stability index of each block against all others together, in nats,
/// from the counts in its bins.
///
/// `None` if there are fewer than two blocks, one has no rows, or they have different bins. The
/// time grows with the square of the number of blocks: a thousand take some hundredths of a
/// second.
#[must_use]
pub fn leave_one_out_psi(blocks: &[Vec<u64>]) -> Option<Vec<f64>> {
    if blocks.iter().any(|block| block.iter().all(|count| *count == 0)) {
        return None;
    }
    leave_one_out(blocks, |sum, count| *sum += count, counts::psi)
}

/// The Wasserstein-1 distance of each block from all others together, in units of `sigma`, the
/// standard deviation of the whole reference.
///
/// `None` as for [`leave_one_out_psi`], and if `sigma` is not above zero or a sum not finite.
///
/// Not by taking a block from the sum of all: of large sums that would leave rounding errors.
#[must_use]
pub fn leave_one_out_wasserstein(blocks: &[Vec<Mass>], sigma: f64) -> Option<Vec<f64>> {
    let add = |sum: &mut Mass, mass: &Mass| {
        sum.count += mass.count;
        sum.sum += mass.sum;
    };
    leave_one_out(blocks, add, |rest, block| in_sigmas(wasserstein_bins(rest, block)?, sigma))
}

fn leave_one_out<T: Copy + Default>(
    blocks: &[Vec<T>],
    add: impl Fn(&mut T, &T),
    distance: impl Fn(&[T], &[T]) -> Option<f64>,
) -> Option<Vec<f64>> {
    let bins = blocks.first()?.len();
    if blocks.len() < 2 || blocks.iter().any(|block| block.len() != bins) {
        return None;
    }
    let without = |left_out: usize| {
        let mut rest = vec![T::default(); bins];
        for (_, block) in blocks.iter().enumerate().filter(|(at, _)| *at != left_out) {
            rest.iter_mut().zip(block).for_each(|(sum, value)| add(sum, value));
        }
        rest
    };
    (0..blocks.len()).map(|at| distance(&without(at), &blocks[at])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limit_is_the_mean_and_three_standard_deviations_of_a_population() {
        let usual = Usual::of(&[1.0, 3.0]).unwrap();
        assert_eq!(usual, Usual { mean: 2.0, sigma: 1.0 });
        assert!((usual.limit() - 5.0).abs() < 1e-12);
    }

    #[test]
    fn no_statistics_and_endless_ones_have_no_limit() {
        assert_eq!(Usual::of(&[]), None);
        assert_eq!(Usual::of(&[1.0, f64::INFINITY]), None);
    }

    #[test]
    fn each_block_is_compared_with_the_sum_of_the_others() {
        let blocks = vec![vec![5, 10], vec![7, 8], vec![1, 30]];
        let expected = [
            counts::psi(&[8, 38], &[5, 10]),
            counts::psi(&[6, 40], &[7, 8]),
            counts::psi(&[12, 18], &[1, 30]),
        ];
        let found = leave_one_out_psi(&blocks).unwrap();
        assert_eq!(found, expected.map(Option::unwrap));
    }

    #[test]
    fn the_distance_of_a_block_is_in_standard_deviations() {
        let block = |sum| vec![Mass { count: 2, sum }, Mass::default()];
        let found = leave_one_out_wasserstein(&[block(2.0), block(4.0), block(4.0)], 0.5).unwrap();
        let expected = [2.0, 1.0, 1.0];
        assert!(found.iter().zip(expected).all(|(found, known)| (found - known).abs() < 1e-12));
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        assert_eq!(leave_one_out_psi(&[]), None);
        assert_eq!(leave_one_out_psi(&[vec![1, 2]]), None);
        assert_eq!(leave_one_out_psi(&[vec![1, 2], vec![1, 2, 3]]), None);
        assert_eq!(leave_one_out_psi(&[vec![1, 2], vec![0, 0]]), None);
        assert_eq!(leave_one_out_psi(&[vec![], vec![]]), None);
        let one = vec![Mass { count: 1, sum: 1.0 }];
        let none = vec![Mass::default()];
        assert_eq!(leave_one_out_wasserstein(&[one.clone(), one.clone()], 0.0), None);
        assert_eq!(leave_one_out_wasserstein(&[one, none], 1.0), None);
    }

    proptest! {
        #[test]
        fn equal_blocks_do_not_differ_and_so_have_a_limit_near_zero(
            counts in proptest::collection::vec(0u64..1000, 2..20),
            blocks in 2usize..12,
        ) {
            prop_assume!(counts.iter().any(|count| *count > 0));
            let mass = |&count: &u64| Mass { count, sum: super::super::float(count) * 1.5 };
            let masses: Vec<Mass> = counts.iter().map(mass).collect();
            let found = leave_one_out_wasserstein(&vec![masses; blocks], 1.0).unwrap();
            prop_assert!(Usual::of(&found).unwrap().limit() < 1e-9);
            prop_assert_eq!(leave_one_out_psi(&vec![counts; blocks]).unwrap().len(), blocks);
        }
    }
}
