//! One column of a data set of any size, seen once and in bounded memory.
//!
//! Exact as long as the values fit; then a sketch takes over.

use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};

use super::{Distinct, Moments};

/// Collects the finite values of a column.
///
/// Up to a number of rows nothing is lost. Beyond it ranks are off by about 0.04 % of the rows
/// (in 99 cases of 100), and counts of a value by as much; moments stay exact. The sketch draws
/// lots, so a second run over the same rows gives a slightly different answer.
///
/// Source: Karnin, Lang and Liberty, "Optimal Quantile Approximation in Streams" (2016).
#[derive(Debug, Clone)]
pub struct Collector {
    capacity: usize,
    moments: Moments,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    All(Vec<f64>),
    Sketch(KllSketch<KllFloat<f64>>),
}

/// Of the sketch, which then holds about 400 kB, whatever the number of rows.
const SIZE: u16 = 16_384;

/// The sketch is asked for the values at so many ranks at most, evenly spaced from 0 to 1.
const MOST_RANKS: u64 = 16_385;

impl Collector {
    /// Keeps up to `capacity` values, of eight bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, moments: Moments::default(), held: Held::All(Vec::new()) }
    }

    /// NaN and infinities are left out; the caller counts them, and what is missing.
    pub fn add(&mut self, value: f64) {
        let Some(item) = finite(value) else { return };
        self.moments.add(value);
        match &mut self.held {
            Held::All(values) if values.len() < self.capacity => {
                if values.len() == values.capacity() {
                    // Twice as much each time, as a vector does, but never beyond what was
                    // allowed: that would be nearly twice of it.
                    let room = self.capacity - values.len();
                    values.reserve_exact(room.min(values.len().max(64)));
                }
                values.push(value);
            }
            Held::All(values) => {
                let mut sketch = sketch();
                values.iter().copied().filter_map(finite).for_each(|item| sketch.update(item));
                sketch.update(item);
                self.held = Held::Sketch(sketch);
            }
            Held::Sketch(sketch) => sketch.update(item),
        }
    }

    #[must_use]
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Whether all values are still there.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.held, Held::All(_))
    }

    /// The distinct values with their counts, which add up to the number of values. The least
    /// and the greatest one are always among them.
    #[must_use]
    pub fn into_distinct(self) -> Distinct {
        match self.held {
            Held::All(values) => Distinct::of(values).unwrap_or_default(),
            Held::Sketch(sketch) => approximate(&sketch),
        }
    }
}

fn finite(value: f64) -> Option<KllFloat<f64>> {
    KllFloat::<f64>::new(value).ok().filter(|item| item.is_finite())
}

fn sketch() -> KllSketch<KllFloat<f64>> {
    // The size is one that it takes; should it ever not, its own is good for 1 %.
    KllSketch::new(SIZE).unwrap_or_default()
}

fn approximate(sketch: &KllSketch<KllFloat<f64>>) -> Distinct {
    // With no more ranks than rows none of them counts for nothing.
    let ranks = sketch.n().clamp(2, MOST_RANKS);
    let places: Vec<f64> =
        (0..ranks).map(|rank| super::float(rank) / super::float(ranks - 1)).collect();
    let view = sketch.sorted_view();
    let values = view.quantiles(&places, SearchCriteria::Inclusive).ok().flatten();
    let up_to = |rank: u64| u128::from(sketch.n()) * u128::from(rank) / u128::from(ranks);
    let count = |rank| u64::try_from(up_to(rank + 1) - up_to(rank)).unwrap_or(u64::MAX);
    let values = values.unwrap_or_default();
    Distinct::merge((0..ranks).zip(values).map(|(rank, value)| (value.into_inner(), count(rank))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collected(capacity: usize, values: impl IntoIterator<Item = f64>) -> Collector {
        let mut collector = Collector::new(capacity);
        values.into_iter().for_each(|value| collector.add(value));
        collector
    }

    /// The numbers up to `rows`, each once, in an order that is none.
    fn shuffled(rows: u32) -> impl Iterator<Item = f64> {
        let factor = 7_919 * 104_729;
        (0..u64::from(rows)).map(move |row| {
            let place = row * factor % u64::from(rows);
            super::super::float(place)
        })
    }

    #[test]
    fn values_that_fit_are_counted_exactly() {
        let collector = collected(5, [3.0, 1.0, 3.0, f64::NAN, f64::INFINITY, 2.0, 3.0]);
        assert!(collector.is_exact());
        assert_eq!(collector.moments().count(), 5);
        assert_eq!(collector.into_distinct().as_slice(), [(1.0, 1), (2.0, 1), (3.0, 3)]);
    }

    #[test]
    fn no_more_memory_is_taken_than_was_allowed() {
        let collector = collected(1_100, shuffled(1_100));
        let Held::All(values) = collector.held else { panic!("they fit") };
        assert_eq!((values.len(), values.capacity()), (1_100, 1_100));
    }

    #[test]
    fn nothing_has_no_values() {
        assert_eq!(collected(5, [f64::NAN]).into_distinct(), Distinct::default());
    }

    #[test]
    fn one_value_too_many_and_it_is_a_sketch() {
        let collector = collected(5, [3.0, 1.0, 3.0, 2.0, 3.0, 9.0]);
        assert!(!collector.is_exact());
        let distinct = collector.into_distinct();
        let values: Vec<f64> = distinct.as_slice().iter().map(|(value, _)| *value).collect();
        assert!(values.iter().all(|value| [1.0, 2.0, 3.0, 9.0].contains(value)));
        assert_eq!(distinct.rows(), 6);
    }

    #[test]
    fn a_sketch_keeps_moments_range_and_ranks() {
        let rows = 300_007;
        let collector = collected(1000, shuffled(rows));
        assert!(!collector.is_exact());
        let (count, least) = (collector.moments().count(), collector.moments().least());
        assert_eq!((count, least), (u64::from(rows), Some(0.0)));
        let middle = f64::from(rows - 1) / 2.0;
        assert!((collector.moments().mean().unwrap() - middle).abs() < 1e-6);
        let distinct = collector.into_distinct();
        assert_eq!(distinct.rows(), u64::from(rows));
        let cdf = distinct.cdf().unwrap();
        assert_eq!((cdf[0], cdf[128]), (0.0, f64::from(rows - 1)));
        for (step, value) in (0u32..).zip(cdf) {
            let expected = f64::from(rows) * f64::from(step) / 128.0;
            assert!((value - expected).abs() < 0.002 * f64::from(rows), "{step}: {value}");
        }
    }

    #[test]
    fn a_sketch_still_sees_which_value_is_an_atom() {
        let values = shuffled(100_003).map(|value| if value < 30_000.0 { -7.0 } else { value });
        let distinct = collected(1000, values).into_distinct();
        let (value, count) = distinct.as_slice()[0];
        assert_eq!((value, count.abs_diff(30_000) / 300), (-7.0, 0), "{count}");
    }

    proptest! {
        #[test]
        fn counts_add_up_whatever_the_capacity(
            values in proptest::collection::vec(prop_oneof![-9.0..9.0, Just(1.0)], 0..200),
            capacity in 0usize..300,
        ) {
            let collector = collected(capacity, values.iter().copied());
            prop_assert_eq!(collector.is_exact(), values.len() <= capacity);
            let (least, greatest) = (collector.moments().least(), collector.moments().greatest());
            let distinct = collector.into_distinct();
            prop_assert_eq!(distinct.rows(), values.len() as u64);
            prop_assert!(distinct.as_slice().windows(2).all(|pair| pair[0].0 < pair[1].0));
            let first = distinct.as_slice().first().map(|(value, _)| *value);
            let last = distinct.as_slice().last().map(|(value, _)| *value);
            prop_assert_eq!((first, last), (least, greatest));
        }
    }
}
