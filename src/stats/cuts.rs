//! Bins cut once, from reference values.
//!
//! Only from those: with edges that depend on what is compared, one outlier can hide a change.

use super::distinct::rows;
use super::{Distinct, Edges};

/// The precision of the values that will be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// All edges are numbers that an `f32` can hold, if all values are.
    Single,
    Double,
}

/// A gap between two atoms that holds less than one row in so many has no bin.
const SMALLEST_GAP: u64 = 100;

/// About `bins` bins that hold about equally many rows of the reference.
///
/// A value with at least `1 / bins` of the rows is an atom, which gets a bin of its own between
/// edges halfway to the values next to it. If it is the least or the greatest of all, there is
/// an edge outside of it too, so that a value beyond falls elsewhere: also a constant can drift.
/// Between two atoms with less than 1 % of the rows between them there is one edge, halfway; what
/// lies there joins the nearer one. Of no values there is one bin.
///
/// Source of the cuts: as `numpy.quantile(method="inverted_cdf")`, equal ones merged; between
/// atoms, the quantiles of what lies there.
#[must_use]
pub fn quantile_edges(reference: &Distinct, bins: usize, precision: Precision) -> Edges {
    let values = reference.as_slice();
    let bins = u64::try_from(bins.max(1)).unwrap_or(u64::MAX);
    let all = reference.rows();
    let is_atom = |value: &(f64, u64)| u128::from(value.1) * u128::from(bins) >= u128::from(all);
    let mut cuts = Cuts { bins, all, precision, edges: Vec::new() };
    let mut atom_before = None;
    let mut start = 0;
    for at in (0..values.len()).filter(|&at| is_atom(&values[at])) {
        cuts.gap(atom_before, &values[start..at], Some(values[at].0));
        atom_before = Some(values[at].0);
        start = at + 1;
    }
    cuts.gap(atom_before, &values[start..], None);
    Edges::increasing(cuts.edges)
}

struct Cuts {
    bins: u64,
    all: u64,
    precision: Precision,
    edges: Vec<f64>,
}

impl Cuts {
    /// The edges from one atom, or the very beginning, to the next, or the very end.
    fn gap(&mut self, before: Option<f64>, values: &[(f64, u64)], after: Option<f64>) {
        if let (Some(before), Some(after)) = (before, after)
            && u128::from(rows(values)) * u128::from(SMALLEST_GAP) < u128::from(self.all)
        {
            self.edges.push(self.halfway(before, after));
            return;
        }
        if let Some(before) = before {
            let next = values.first().map(|(value, _)| *value);
            self.edges.push(next.map_or(before, |next| self.halfway(before, next)));
        }
        self.quantiles(values);
        if let Some(after) = after {
            let last = values.last().map(|(value, _)| *value);
            self.edges.extend(match last {
                Some(last) => Some(self.halfway(last, after)),
                None => self.below(after),
            });
        }
    }

    /// The edges between these values that give each bin its share of all rows.
    fn quantiles(&mut self, values: &[(f64, u64)]) {
        let (here, all) = (u128::from(rows(values)), u128::from(self.all));
        let parts = ((here * u128::from(self.bins) + all / 2) / all.max(1)).max(1);
        let (mut below, mut next) = (0, 1);
        // A cut at the last value would leave nothing behind it.
        for (value, count) in values.iter().take(values.len().saturating_sub(1)) {
            below += u128::from(*count);
            if below * parts >= next * here {
                self.edges.push(*value);
                next = below * parts / here + 1;
            }
        }
    }

    /// Between the two; the lower one if there is nothing between them, as a bin has its upper
    /// edge.
    fn halfway(&self, lower: f64, upper: f64) -> f64 {
        let middle = match self.precision {
            Precision::Single => f64::from(single_below(f64::midpoint(lower, upper))),
            Precision::Double => f64::midpoint(lower, upper),
        };
        if lower < middle && middle < upper { middle } else { lower }
    }

    /// The next number below; `None` if there is none.
    fn below(&self, value: f64) -> Option<f64> {
        let below = match self.precision {
            Precision::Single => f64::from(single_below(value.next_down())),
            Precision::Double => value.next_down(),
        };
        below.is_finite().then_some(below)
    }
}

/// The greatest `f32` that is not above the value.
#[expect(clippy::cast_possible_truncation, reason = "this is where the rounding is made good")]
fn single_below(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edges(values: &[f64], bins: usize) -> Edges {
        quantile_edges(&Distinct::of(values.to_vec()).unwrap(), bins, Precision::Double)
    }

    fn counts(edges: &Edges, values: &[f64]) -> Vec<u64> {
        edges.masses(values.iter().copied()).iter().map(|mass| mass.count).collect()
    }

    fn repeated(parts: &[(f64, usize)]) -> Vec<f64> {
        parts.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count)).collect()
    }

    #[test]
    fn distinct_values_fall_evenly_into_as_many_bins_as_asked_for() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let edges = edges(&values, 10);
        assert_eq!(edges.as_slice()[..2], [99.0, 199.0]);
        assert_eq!(counts(&edges, &values), [100; 10]);
    }

    #[test]
    fn an_atom_in_the_middle_has_a_bin_between_the_values_next_to_it() {
        let mut values: Vec<f64> = (0..800).map(f64::from).collect();
        values.extend([200.0; 200]);
        let edges = edges(&values, 10);
        let alone = edges.bin_of(200.0);
        assert_eq!(edges.as_slice()[alone - 1..=alone], [199.5, 200.5]);
        assert_eq!(counts(&edges, &values)[alone], 201);
        assert_eq!(counts(&edges, &values).len(), 9);
    }

    #[test]
    fn a_value_beyond_an_outermost_atom_falls_elsewhere() {
        let edges = edges(&repeated(&[(0.0, 60), (1.0, 4), (2.0, 36)]), 10);
        let bins = [-1e-300, 0.0, 1.0, 2.0, 2.000_001].map(|value| edges.bin_of(value));
        assert_eq!(bins, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_constant_has_a_bin_and_there_is_one_on_either_side() {
        for value in [0.0, -3.5, 1e300] {
            let edges = edges(&[value; 50], 10);
            assert_eq!(edges.as_slice(), [value.next_down(), value]);
        }
        assert_eq!(edges(&[f64::MIN; 50], 10).as_slice(), [f64::MIN]);
        assert_eq!(edges(&[f64::MAX; 50], 10).bins(), 3);
        let single =
            |value| quantile_edges(&Distinct::of(vec![value]).unwrap(), 10, Precision::Single);
        assert_eq!(single(0.5).as_slice(), [f64::from(0.5f32.next_down()), 0.5]);
        assert_eq!(single(f64::from(f32::MIN)).bins(), 2);
    }

    #[test]
    fn no_values_are_one_bin() {
        assert_eq!(edges(&[], 10).bins(), 1);
    }

    #[test]
    fn atoms_without_a_value_between_them_have_one_edge_between_them() {
        let edges = edges(&repeated(&[(1.0, 50), (3.0, 50)]), 10);
        assert_eq!(edges.as_slice(), [1f64.next_down(), 2.0, 3.0]);
    }

    #[test]
    fn few_values_between_atoms_join_the_nearer_one_and_more_of_them_do_not() {
        let with = |between| edges(&repeated(&[(0.0, 500), (4.0, between), (9.0, 500)]), 10);
        assert_eq!(with(9).as_slice()[1..], [4.5, 9.0]);
        assert_eq!(with(11).as_slice()[1..], [2.0, 6.5, 9.0]);
    }

    #[test]
    fn atoms_that_are_adjacent_numbers_are_told_apart() {
        let (low, high) = (1.0, 1f64.next_up());
        let edges = edges(&repeated(&[(low, 50), (high, 50)]), 10);
        assert_eq!([low, high].map(|value| edges.bin_of(value)), [1, 2]);
        let (low, high) = (1f32, 1f32.next_up());
        let values = repeated(&[(f64::from(low), 50), (f64::from(high), 50)]);
        let edges = quantile_edges(&Distinct::of(values).unwrap(), 10, Precision::Single);
        assert_eq!([low, high].map(|value| edges.bin_of(value)), [1, 2]);
    }

    /// Few and many distinct values, also next to each other, all of which an `f32` can hold.
    fn some_values() -> impl Strategy<Value = Vec<f64>> {
        let single = any::<f32>().prop_filter("finite", |value| value.is_finite());
        let adjacent = (0u32..4).prop_map(|by| f32::from_bits(1f32.to_bits() + by));
        let small = (-4i8..4).prop_map(f32::from);
        let value = prop_oneof![single, -9f32..9.0, adjacent, small].boxed();
        let many = proptest::collection::vec(value.clone(), 1..300);
        let few = proptest::collection::vec((value, 1usize..100), 1..20).prop_map(|parts| {
            parts.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count)).collect()
        });
        prop_oneof![many, few]
            .prop_map(|values: Vec<f32>| values.into_iter().map(f64::from).collect())
    }

    fn precision() -> impl Strategy<Value = Precision> {
        prop_oneof![Just(Precision::Single), Just(Precision::Double)]
    }

    proptest! {
        #[test]
        fn edges_increase_and_only_bins_outside_of_an_atom_are_empty(
            values in some_values(),
            bins in 1usize..40,
            precision in precision(),
        ) {
            let edges = quantile_edges(&Distinct::of(values.clone()).unwrap(), bins, precision);
            prop_assert!(Edges::try_from(edges.as_slice().to_vec()).is_ok());
            let counts = counts(&edges, &values);
            let inner = counts.iter().skip(1).take(counts.len().saturating_sub(2));
            prop_assert!(inner.into_iter().all(|count| *count > 0));
        }

        #[test]
        fn single_edges_are_numbers_that_singles_can_hold(values in some_values()) {
            let edges = quantile_edges(&Distinct::of(values).unwrap(), 10, Precision::Single);
            for edge in edges.as_slice() {
                prop_assert!(f64::from(single_below(*edge)) >= *edge);
            }
        }

        #[test]
        fn an_atom_shares_its_bin_with_no_other_and_with_few_values(
            values in some_values(),
            precision in precision(),
        ) {
            let distinct = Distinct::of(values.clone()).unwrap();
            let edges = quantile_edges(&distinct, 10, precision);
            let counts = counts(&edges, &values);
            for (value, count) in distinct.as_slice() {
                if *count * 10 >= distinct.rows() {
                    // A hundredth from the gap on either side.
                    let others = counts[edges.bin_of(*value)] - count;
                    prop_assert!(others * 50 < distinct.rows());
                }
            }
        }

        #[test]
        fn what_is_no_atom_is_in_no_bin_of_thrice_its_share(values in some_values()) {
            let distinct = Distinct::of(values.clone()).unwrap();
            let edges = edges(&values, 10);
            let mut largest = vec![0; edges.bins()];
            let mut rows = vec![0; edges.bins()];
            for (value, count) in distinct.as_slice() {
                let bin = edges.bin_of(*value);
                largest[bin] = count.max(&largest[bin]).to_owned();
                rows[bin] += count;
            }
            for (largest, rows) in largest.into_iter().zip(rows) {
                let has_atom = largest * 10 >= distinct.rows();
                prop_assert!(has_atom || rows * 10 < 3 * distinct.rows());
            }
        }
    }
}
