//! What a profile counted in its own bins, in the bins of another one.
//!
//! Where intervals differ, each keeps its count and its sum; one that lies in several of the
//! other side is divided as its profile's quantiles say, which is right within one row in 128 of
//! all for every edge.

use super::binning::Binning;
use super::profile::{Bins, FeatureProfile, Moments};
use crate::stats::float;

/// Counts and sums of one feature in the bins asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rebinned {
    pub(super) counts: Vec<u64>,
    /// As many; noughts for texts.
    pub(super) sums: Vec<f64>,
    /// Whether counting the values themselves would have given the same.
    pub(super) exact: bool,
}

/// `binning` is that of `of`. `None` if one has numbers and the other texts.
pub(super) fn rebin(of: &FeatureProfile, binning: &Binning, into: &Binning) -> Option<Rebinned> {
    let mut found =
        Rebinned { counts: vec![0; into.bins()], sums: vec![0.0; into.bins()], exact: true };
    match &of.bins {
        Bins::Texts(texts) => {
            let Binning::Texts(wanted) = into else { return None };
            for (text, count) in texts.iter().zip(&of.counts) {
                found.counts[into.of_text(text)] += count;
            }
            let others = of.counts[texts.len()];
            found.counts[into.missing() - 1] += others;
            let is_known = |text: &str| texts.iter().any(|known| known == text);
            // Of the others nobody knows which they were.
            found.exact = others == 0 || wanted.texts().all(is_known);
        }
        _ if !into.is_of_numbers() => return None,
        Bins::Numbers(_) | Bins::Edges(_) => {
            for bin in 0..binning.finite() {
                Bin::new(of, bin).spread(of, into, &mut found);
            }
        }
    }
    let behind = into.bins() - into.missing();
    for bin in 0..behind {
        found.counts[into.missing() + bin] += of.counts[binning.missing() + bin];
    }
    Some(found)
}

/// One bin of finite numbers that is divided among others.
struct Bin {
    count: u64,
    sum: f64,
    /// Its values are above this, or at least it,
    low: f64,
    /// as it may be of the first one,
    low_is_in: bool,
    /// and up to this.
    high: f64,
}

/// Some of the values of a bin: all the same, or spread evenly.
#[derive(Debug, Clone, Copy)]
struct Part {
    low: f64,
    high: f64,
    weight: f64,
}

impl Bin {
    fn new(of: &FeatureProfile, bin: usize) -> Self {
        let (count, sum) = (of.counts[bin], of.sums.as_ref().map_or(0.0, |sums| sums[bin]));
        let mean = sum / float(count.max(1));
        match &of.bins {
            Bins::Edges(edges) => {
                let (least, greatest) = range(of.moments, mean);
                let edge = bin.checked_sub(1).map(|before| edges[before]).filter(|e| *e >= least);
                let high = edges.get(bin).map_or(greatest, |edge| edge.min(greatest));
                let low = edge.unwrap_or(least);
                Self { count, sum, low, low_is_in: edge.is_none(), high: high.max(low) }
            }
            Bins::Numbers(numbers) => {
                let value = numbers.get(bin).copied().unwrap_or(mean);
                Self { count, sum, low: value, low_is_in: true, high: value }
            }
            Bins::Texts(_) => Self { count, sum, low: 0.0, low_is_in: true, high: 0.0 },
        }
    }

    fn spread(&self, of: &FeatureProfile, into: &Binning, found: &mut Rebinned) {
        if self.count == 0 {
            return;
        }
        if let Some(only) = self.only_bin(into) {
            found.counts[only] += self.count;
            found.sums[only] += self.sum;
            return;
        }
        found.exact = false;
        let mut pieces = vec![(0.0, 0.0); into.finite()];
        for part in self.parts(&of.quantiles) {
            part.divide(into, &mut pieces);
        }
        let weight: f64 = pieces.iter().map(|(weight, _)| weight).sum();
        let centre: f64 = pieces.iter().map(|(_, sum)| sum).sum::<f64>() / weight;
        // The mean of the bin is known, so all of its values are moved to have it.
        let apart = self.sum / float(self.count) - centre;
        let (mut seen, mut counted) = (0.0, 0);
        for (bin, (piece, sum)) in pieces.into_iter().enumerate() {
            seen += piece;
            let up_to = rounded(seen / weight * float(self.count)).min(self.count);
            found.counts[bin] += up_to - counted;
            counted = up_to;
            found.sums[bin] += (sum + apart * piece) / weight * float(self.count);
        }
    }

    /// The bin that all of its values fall into, if that is sure.
    fn only_bin(&self, into: &Binning) -> Option<usize> {
        let high = into.of_number(self.high);
        let alone = self.low.to_bits() == self.high.to_bits();
        match into {
            Binning::Edges(edges) => {
                let below =
                    |edge: &&f64| **edge < self.low || !self.low_is_in && **edge <= self.low;
                let low = edges.as_slice().iter().filter(below).count();
                (alone || low == high).then_some(high)
            }
            Binning::Numbers(_) | Binning::Texts(_) => alone.then_some(high),
        }
    }

    /// What the quantiles say of its values; all at their mean where they say nothing.
    fn parts(&self, quantiles: &[f64]) -> Vec<Part> {
        let holds = |value: f64| {
            value <= self.high && (value > self.low || self.low_is_in && value >= self.low)
        };
        let part = |pair: &[f64]| {
            let (low, high) = (pair[0], pair[1]);
            if high <= low {
                return holds(low).then_some(Part { low, high, weight: 1.0 });
            }
            let (cut_low, cut_high) = (low.max(self.low), high.min(self.high));
            // Halved, since the whole may be more than an f64 holds.
            let weight = (cut_high / 2.0 - cut_low / 2.0) / (high / 2.0 - low / 2.0);
            (weight > 0.0).then_some(Part { low: cut_low, high: cut_high, weight })
        };
        let parts: Vec<Part> = quantiles.windows(2).filter_map(part).collect();
        if parts.is_empty() {
            let mean = self.sum / float(self.count);
            return vec![Part { low: mean, high: mean, weight: 1.0 }];
        }
        parts
    }
}

impl Part {
    /// Adds its weight, and its values times that, to the bins that it lies in.
    fn divide(self, into: &Binning, pieces: &mut [(f64, f64)]) {
        let mut add = |bin: usize, low: f64, high: f64, weight: f64| {
            pieces[bin].0 += weight;
            pieces[bin].1 += weight * f64::midpoint(low, high);
        };
        let Self { low, high, weight } = self;
        let Binning::Edges(edges) = into else {
            // Single values of what is spread are as good as none.
            let bin = if high > low { into.missing() - 1 } else { into.of_number(low) };
            return add(bin, low, high, weight);
        };
        if high <= low {
            return add(edges.bin_of(low), low, high, weight);
        }
        let mut from = low;
        let inner = edges.as_slice().iter().copied().filter(|edge| *edge > low && *edge < high);
        for to in inner.chain([high]) {
            add(edges.bin_of(to), from, to, weight * (to - from) / (high - low));
            from = to;
        }
    }
}

fn range(moments: Option<Moments>, mean: f64) -> (f64, f64) {
    moments.map_or((mean, mean), |of| (of.least, of.greatest))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::features::{Reading, Role};
    use crate::stats::{Distinct, Moments as Seen, Precision, quantile_edges};

    /// The profile of these numbers in these bins, or in quantiles.
    pub(in crate::drift) fn profile(
        values: &[f64],
        bins: Option<Bins>,
    ) -> (FeatureProfile, Binning) {
        let distinct = Distinct::of(values.to_vec()).unwrap();
        let own =
            || Bins::Edges(quantile_edges(&distinct, 10, Precision::Single).as_slice().into());
        let bins = bins.unwrap_or_else(own);
        let binning = Binning::new(&bins).unwrap();
        let (counts, sums) = counted(values, &binning);
        let seen: Seen = values.iter().copied().collect();
        let profile = FeatureProfile {
            name: "x".to_owned(),
            role: Role::Input,
            reading: Reading::Number,
            bins,
            counts,
            sums: Some(sums[..binning.finite()].to_vec()),
            moments: Some(Moments {
                mean: seen.mean().unwrap(),
                sigma: seen.sigma().unwrap(),
                least: seen.least().unwrap(),
                greatest: seen.greatest().unwrap(),
            }),
            importance: None,
            quantiles: distinct.cdf().unwrap(),
            blocks: Vec::new(),
        };
        (profile, binning)
    }

    fn counted(values: &[f64], binning: &Binning) -> (Vec<u64>, Vec<f64>) {
        let (mut counts, mut sums) = (vec![0; binning.bins()], vec![0.0; binning.bins()]);
        for value in values {
            counts[binning.of_number(*value)] += 1;
            sums[binning.of_number(*value)] += value;
        }
        (counts, sums)
    }

    fn edges(edges: &[f64]) -> Binning {
        Binning::new(&Bins::Edges(edges.to_vec())).unwrap()
    }

    fn cumulated(counts: &[u64]) -> Vec<u64> {
        let add = |sum: &mut u64, count: &u64| {
            *sum += count;
            Some(*sum)
        };
        counts.iter().scan(0, add).collect()
    }

    #[test]
    fn bins_that_are_finer_give_exact_counts_of_coarser_ones() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let (fine, own) = profile(&values, Some(Bins::Edges(vec![99.0, 250.0, 499.0, 800.0])));
        for wanted in [&[99.0, 499.0][..], &[], &[-5.0, 250.0, 2000.0]] {
            let wanted = edges(wanted);
            let found = rebin(&fine, &own, &wanted).unwrap();
            let (counts, sums) = counted(&values, &wanted);
            assert_eq!((found.counts, found.sums, found.exact), (counts, sums, true));
        }
    }

    #[test]
    fn an_edge_inside_of_a_bin_is_said_to_be_approximate() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let (coarse, own) = profile(&values, Some(Bins::Edges(vec![499.0])));
        let found = rebin(&coarse, &own, &edges(&[249.0, 499.0])).unwrap();
        assert!(!found.exact);
        assert!(found.counts[0].abs_diff(250) <= 8, "{:?}", found.counts);
        assert_eq!(found.counts[0] + found.counts[1], 500);
        assert_eq!(found.counts[2], 500, "this edge is its own");
        let sum = found.sums[0] + found.sums[1];
        assert!((sum - 499.0 * 500.0 / 2.0).abs() < 1e-6, "the bin's sum is known: {sum}");
    }

    #[test]
    fn single_values_are_exact_in_any_bins() {
        let values = [1.0, 1.0, 3.0, 7.0, 7.0, 7.0];
        let (few, own) = profile(&values, Some(Bins::Numbers(vec![1.0, 3.0, 7.0])));
        let found = rebin(&few, &own, &edges(&[2.0, 6.5])).unwrap();
        assert_eq!((&found.counts[..3], found.exact), (&[2, 1, 3][..], true));
        assert_eq!(found.sums[..3], [2.0, 3.0, 21.0]);
        let wanted = Binning::new(&Bins::Numbers(vec![7.0, 9.0])).unwrap();
        let found = rebin(&few, &own, &wanted).unwrap();
        assert_eq!((&found.counts[..3], found.exact), (&[3, 0, 3][..], true));
    }

    pub(in crate::drift) fn texts(texts: &[&str], counts: &[u64]) -> (FeatureProfile, Binning) {
        let bins = Bins::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        let binning = Binning::new(&bins).unwrap();
        let (mut profile, _) = profile(&[1.0], None);
        (profile.bins, profile.reading) = (bins, Reading::Text);
        (profile.counts, profile.sums, profile.moments) = (counts.to_vec(), None, None);
        (profile, binning)
    }

    #[test]
    fn categories_that_the_other_side_does_not_know_are_others_there() {
        let (now, own) = texts(&["UA", "XX"], &[5, 3, 0, 2]);
        let wanted = Binning::new(&Bins::Texts(vec!["B6".into(), "UA".into()])).unwrap();
        let found = rebin(&now, &own, &wanted).unwrap();
        assert_eq!((found.counts, found.exact), (vec![0, 5, 3, 2], true));
        // One of the others may have been B6.
        let (now, own) = texts(&["UA", "XX"], &[5, 3, 1, 2]);
        assert!(!rebin(&now, &own, &wanted).unwrap().exact);
        assert_eq!(rebin(&now, &own, &edges(&[1.0])), None, "texts are no numbers");
        let (numbers, of_numbers) = profile(&[1.0, 2.0], None);
        assert_eq!(rebin(&numbers, &of_numbers, &wanted), None, "numbers are no texts");
    }

    #[test]
    fn what_is_missing_and_infinite_stays_so() {
        let (mut one, own) = profile(&[1.0, 2.0], Some(Bins::Edges(vec![1.0])));
        one.counts = vec![1, 1, 4, 5, 6];
        let found = rebin(&one, &own, &edges(&[0.0, 1.0, 5.0])).unwrap();
        assert_eq!((found.counts, found.exact), (vec![0, 1, 1, 0, 4, 5, 6], true));
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![-5.0..5.0, (-3i32..3).prop_map(f64::from)];
        proptest::collection::vec(value, 1..600)
    }

    proptest! {
        #[test]
        fn rows_and_sums_are_kept_and_every_edge_is_right_within_a_step_of_the_quantiles(
            current in values(),
            reference in values(),
        ) {
            let (_, wanted) = profile(&reference, None);
            let (of, own) = profile(&current, None);
            let found = rebin(&of, &own, &wanted).unwrap();
            let (counts, sums) = counted(&current, &wanted);
            let rows = current.len() as u64;
            prop_assert_eq!(found.counts.iter().sum::<u64>(), rows);
            let total = |sums: &[f64]| sums.iter().sum::<f64>();
            prop_assert!((total(&found.sums) - total(&sums)).abs() < 1e-6);
            let pairs = cumulated(&found.counts).into_iter().zip(cumulated(&counts));
            for (found, expected) in pairs {
                prop_assert!(found.abs_diff(expected) <= rows.div_ceil(64) + 2, "{found} {expected}");
            }
            if found.exact {
                prop_assert_eq!(found.counts, counts);
            }
        }
    }
}
