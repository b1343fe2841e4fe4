//! A column of many numbers, counted eight at a time and without a branch.

#![expect(
    clippy::inline_always,
    reason = "counting must become one function: only that is compiled for the vectors it uses"
)]

use super::binning::Binning;
use super::observe::is_usual;
use super::plan::Lane;
use super::tally::Tally;
use crate::features::{Number, Numbers};
use crate::vectors::{self, Wide};

/// Numbers that are looked at together.
const TOGETHER: usize = 8;

/// Bins of values that a lane has at most to be counted so: a power of two.
const BINS: usize = 64;

/// Columns of fewer numbers are counted one by one: setting out would cost more.
const LEAST: usize = 256;

/// What has fallen into a bin.
#[derive(Clone, Copy)]
struct Mass {
    sum: f64,
    count: u64,
}

/// The bins of numbers that are neither missing nor infinite.
trait Bins {
    /// As [`Binning::of_number`].
    fn of(&self, numbers: &[f64; TOGETHER]) -> [usize; TOGETHER];
}

struct AmongEdges<'a>(&'a [f64]);

impl Bins for AmongEdges<'_> {
    #[inline(always)]
    fn of(&self, numbers: &[f64; TOGETHER]) -> [usize; TOGETHER] {
        let mut bins = [0; TOGETHER];
        for edge in self.0 {
            for (bin, number) in bins.iter_mut().zip(numbers) {
                *bin += usize::from(edge < number);
            }
        }
        bins
    }
}

struct AmongValues<'a>(&'a [f64]);

impl Bins for AmongValues<'_> {
    #[inline(always)]
    fn of(&self, numbers: &[f64; TOGETHER]) -> [usize; TOGETHER] {
        let mut back = self.0.len();
        let mut bins = [back; TOGETHER];
        for value in self.0 {
            for (bin, number) in bins.iter_mut().zip(numbers) {
                // The two zeros are equal, as they are there.
                *bin -= if value.eq(number) { back } else { 0 };
            }
            back -= 1;
        }
        bins
    }
}

/// The numbers of a column on their way into a tally.
struct Counting<'a, B, T> {
    tally: &'a mut Tally,
    lane: &'a Lane,
    bins: B,
    numbers: Numbers<'a, T>,
}

impl Tally {
    /// Counts the numbers of a column.
    pub(super) fn count_column<T: Number>(&mut self, lane: &Lane, numbers: Numbers<'_, T>) {
        let (is_long, tally) = (numbers.count() >= LEAST, &mut *self);
        match lane.binning() {
            Binning::Edges(edges) if is_long && edges.bins() <= BINS => {
                let bins = AmongEdges(edges.as_slice());
                vectors::wide(Counting { tally, lane, bins, numbers });
            }
            Binning::Numbers(values) if is_long && values.len() < BINS => {
                let bins = AmongValues(values);
                vectors::wide(Counting { tally, lane, bins, numbers });
            }
            _ => numbers.each(|number| self.count_number(lane, number)),
        }
    }
}

impl<B: Bins, T: Number> Wide for Counting<'_, B, T> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        let Self { tally, lane, bins, mut numbers } = self;
        // Neighbours often fall into the same bin, where each would wait until the one before it is
        // added. So each of those that are looked at together has bins of its own.
        let mut masses = [[Mass { sum: 0.0, count: 0 }; BINS]; TOGETHER];
        let mut outside = 0;
        loop {
            let mut together = [0.0; TOGETHER];
            let count = numbers.fill(&mut together);
            let usual = together.iter().fold(true, |all, number| all & is_usual(*number));
            if count < TOGETHER || !usual {
                together[..count].iter().for_each(|number| tally.count_number(lane, *number));
                if count < TOGETHER {
                    break;
                }
                continue;
            }
            for (at, (bin, number)) in bins.of(&together).iter().zip(together).enumerate() {
                let mass = &mut masses[at][*bin % BINS];
                mass.sum += number;
                mass.count += 1;
            }
            outside +=
                together.iter().map(|number| u64::from(lane.is_outside(*number))).sum::<u64>();
        }
        let values = lane.binning().finite();
        for masses in &masses {
            let counts = tally.counts.iter_mut().zip(&mut tally.sums).skip(lane.first);
            for ((count, sum), mass) in counts.zip(&masses[..values.min(BINS)]) {
                *count += mass.count;
                *sum += mass.sum;
            }
        }
        if let Some(count) = tally.outside.get_mut(lane.place) {
            *count += outside;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drift::reference::Watched;
    use crate::drift::{Bins, FeatureProfile, Moments};
    use crate::features::{Feature, Reading, Role};
    use crate::tensor::Dictionary;

    fn lane(bins: Bins) -> Lane {
        let binning = Binning::new(&bins).unwrap();
        let feature = Feature::alone("x".to_owned(), Role::Input, Reading::Number, 0);
        let profile = FeatureProfile {
            name: "x".to_owned(),
            role: Role::Input,
            reading: Reading::Number,
            bins,
            counts: Vec::new(),
            sums: None,
            moments: Some(Moments { mean: 0.0, sigma: 1.0, least: -5.0, greatest: 5.0 }),
            importance: None,
            quantiles: Vec::new(),
            blocks: Vec::new(),
        };
        Lane::new(0, &Watched { feature, binning, profile, first: 1, weight: 0.0 })
    }

    /// Bins of one lane, between one bin of others on each side.
    fn tally(lane: &Lane) -> Tally {
        let bins = lane.binning().bins() + 2;
        Tally {
            rows: 0,
            counted: 0,
            counts: vec![7; bins],
            sums: vec![0.5; bins],
            outside: vec![0],
        }
    }

    fn number() -> impl Strategy<Value = f64> {
        const ODD: [f64; 5] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.0];
        prop_oneof![
            40 => -8.0..8.0,
            40 => (-8i8..8).prop_map(f64::from),
            1 => prop::sample::select(ODD.as_slice()),
        ]
    }

    #[test]
    fn as_many_edges_as_there_may_be_and_more_count_the_same() {
        for edges in 60..68u8 {
            let lane = lane(Bins::Edges((0..edges).map(f64::from).collect()));
            let (mut many, mut single) = (tally(&lane), tally(&lane));
            let numbers: Vec<f64> = (0..768u16).map(|at| f64::from(at % 70) - 0.5).collect();
            many.count_column(&lane, Numbers::new(&numbers, 1));
            for number in &numbers {
                single.count_number(&lane, *number);
            }
            assert_eq!((many.counts, many.outside), (single.counts, single.outside), "{edges}");
        }
    }

    proptest! {
        #[test]
        fn many_numbers_are_counted_as_one_by_one(
            numbers in prop::collection::vec(number(), LEAST - 8..2 * LEAST + 40),
            places in prop::collection::btree_set(-8i8..8, 0..16),
            are_edges: bool,
            stride in 1usize..3,
        ) {
            let places: Vec<f64> = places.into_iter().map(f64::from).collect();
            let lane = lane(if are_edges { Bins::Edges(places) } else { Bins::Numbers(places) });
            let (mut many, mut single) = (tally(&lane), tally(&lane));
            many.count_column(&lane, Numbers::new(&numbers, stride));
            for number in numbers.iter().step_by(stride) {
                single.count_number(&lane, *number);
            }
            prop_assert_eq!(many.counts, single.counts);
            prop_assert_eq!(many.outside, single.outside);
            for (many, single) in many.sums.iter().zip(&single.sums) {
                prop_assert!((many - single).abs() <= 1e-9 * single.abs().max(1.0));
            }
        }

        #[test]
        fn a_dictionary_is_counted_as_its_texts(
            known in prop::collection::btree_set("[AB]{1,4}|[AB]{9}", 0..8),
            pool in prop::collection::vec("[AB]{0,4}", 1..12),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 100..300),
        ) {
            let lane = lane(Bins::Texts(known.into_iter().collect()));
            let texts: Vec<&str> = picks.iter().map(|pick| pick.get(&pool).as_str()).collect();
            let (mut many, mut single) = (tally(&lane), tally(&lane));
            many.count_dictionary(&lane, &Dictionary::new(texts.iter().copied()).unwrap());
            for text in texts {
                single.counts[lane.of_text(text)] += 1;
            }
            prop_assert_eq!(many.counts, single.counts);
        }
    }
}
