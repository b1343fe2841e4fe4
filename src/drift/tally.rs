//! Counts of values by bin, of all features of a model: what is added up by threads, over
//! panes of time, and across replicas.

use serde::{Deserialize, Serialize};

use super::reference::Reference;

/// Counts and sums of the bins of all features, one feature after the other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Rows of requests, and those of them that were counted.
    pub rows: u64,
    pub counted: u64,
    /// By bin.
    pub counts: Vec<u64>,
    /// By bin; of numbers that are finite.
    pub sums: Vec<f64>,
    /// By feature: numbers below the least and above the greatest of the reference. Their bins
    /// count them as well.
    pub outside: Vec<u64>,
}

impl Tally {
    #[must_use]
    pub fn new(reference: &Reference) -> Self {
        Self {
            rows: 0,
            counted: 0,
            counts: vec![0; reference.bins],
            sums: vec![0.0; reference.bins],
            outside: vec![0; reference.watched.len()],
        }
    }

    /// Whether it counts the bins of this reference, as far as numbers of them tell.
    #[must_use]
    pub fn fits(&self, reference: &Reference) -> bool {
        self.counts.len() == reference.bins
            && self.sums.len() == reference.bins
            && self.outside.len() == reference.watched.len()
            && self.sums.iter().all(|sum| sum.is_finite())
    }

    /// One of the same bins that has counted nothing.
    #[must_use]
    pub fn empty(&self) -> Self {
        Self {
            rows: 0,
            counted: 0,
            counts: vec![0; self.counts.len()],
            sums: vec![0.0; self.sums.len()],
            outside: vec![0; self.outside.len()],
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.counts.iter().all(|count| *count == 0)
    }

    /// Adds what another one of the same reference has counted.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.counted += other.counted;
        add(&mut self.counts, &other.counts);
        add(&mut self.outside, &other.outside);
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += other;
        }
    }

    /// What was counted since `before`, which this one was once.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: &[u64], before: &[u64]| {
            now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before)).collect()
        };
        Self {
            rows: self.rows.saturating_sub(before.rows),
            counted: self.counted.saturating_sub(before.counted),
            counts: less(&self.counts, &before.counts),
            outside: less(&self.outside, &before.outside),
            sums: self.sums.iter().zip(&before.sums).map(|(now, before)| now - before).collect(),
        }
    }
}

fn add(counts: &mut [u64], other: &[u64]) {
    for (count, other) in counts.iter_mut().zip(other) {
        *count += other;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    use proptest::prelude::*;

    use super::Tally;

    proptest! {
        /// Journals and merged jobs rely on it.
        #[test]
        fn what_was_counted_is_the_same_after_a_way_through_json(
            rows: u64,
            counted: u64,
            counts in vec(any::<u64>(), 0..20),
            sums in vec(NEGATIVE | POSITIVE | NORMAL | SUBNORMAL | ZERO, 0..20),
            outside in vec(any::<u64>(), 0..5),
        ) {
            let tally = Tally { rows, counted, counts, sums, outside };
            let json = serde_json::to_string(&tally).expect("it can be written");
            let read: Tally = serde_json::from_str(&json).expect("it can be read");
            let bits = |of: &Tally| of.sums.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&tally));
            prop_assert_eq!(read, tally);
        }
    }
}
