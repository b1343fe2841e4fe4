//! Bins that two profiles have in common, where the finer ones of the reference are no use.
//!
//! Categories that one side counts among its others are others for both, and single numbers fall
//! into any intervals: such comparisons are exact, if coarser.

use super::binning::Binning;
use super::profile::{Bins, FeatureProfile};
use super::rebin::{Rebinned, rebin};

/// The reference in bins that the other side can be counted in as well: coarser ones, where the
/// other profile does not tell apart what this one does. Both make sense.
pub(super) fn comparable(reference: &FeatureProfile, other: &FeatureProfile) -> FeatureProfile {
    match (&reference.bins, &other.bins) {
        (Bins::Texts(texts), Bins::Texts(known)) if other.counts[known.len()] > 0 => {
            pooled(reference, texts, known)
        }
        (Bins::Numbers(_), Bins::Edges(_)) => in_intervals(reference, other),
        _ => None,
    }
    .unwrap_or_else(|| reference.clone())
}

/// With categories that are not known added to the others.
fn pooled(
    reference: &FeatureProfile,
    texts: &[String],
    known: &[String],
) -> Option<FeatureProfile> {
    let (kept, lost): (Vec<usize>, Vec<usize>) =
        (0..texts.len()).partition(|place| known.contains(&texts[*place]));
    let count = |place: &usize| reference.counts[*place];
    let mut counts: Vec<u64> = kept.iter().map(count).collect();
    let [others, missing] = *reference.counts.get(texts.len()..)? else { return None };
    counts.extend([others + lost.iter().map(count).sum::<u64>(), missing]);
    let bins = Bins::Texts(kept.into_iter().map(|place| texts[place].clone()).collect());
    Some(FeatureProfile { bins, counts, ..reference.clone() })
}

/// Of single numbers it is known which interval they fall into; the other way round it is not.
fn in_intervals(reference: &FeatureProfile, other: &FeatureProfile) -> Option<FeatureProfile> {
    let (own, wanted) = (Binning::new(&reference.bins).ok()?, Binning::new(&other.bins).ok()?);
    let Rebinned { counts, mut sums, .. } = rebin(reference, &own, &wanted)?;
    sums.truncate(wanted.finite());
    let (bins, sums) = (other.bins.clone(), Some(sums));
    Some(FeatureProfile { bins, counts, sums, ..reference.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::rebin::tests::{profile, texts};
    use super::*;

    #[test]
    fn categories_that_the_other_side_counts_among_its_others_are_compared_as_others() {
        let (before, _) = texts(&["UA", "B6", "FL"], &[50, 30, 3, 4, 1]);
        let (now, _) = texts(&["UA", "XX"], &[5, 3, 1, 2]);
        let common = comparable(&before, &now);
        assert_eq!(common.bins, Bins::Texts(vec!["UA".into()]));
        assert_eq!(common.counts, [50, 37, 1]);
        // Where nothing is among the others, what is not there has not come.
        let (now, _) = texts(&["UA", "XX"], &[5, 3, 0, 2]);
        assert_eq!(comparable(&before, &now), before);
    }

    #[test]
    fn single_numbers_are_compared_in_the_intervals_of_the_other_side() {
        let (mut before, _) =
            profile(&[1.0, 1.0, 3.0, 7.0], Some(Bins::Numbers(vec![1.0, 3.0, 7.0])));
        before.counts[4] = 9;
        let (now, own) = profile(&[0.0, 2.0, 5.0], Some(Bins::Edges(vec![2.0, 4.0])));
        let common = comparable(&before, &now);
        assert_eq!((&common.bins, &common.counts[..]), (&now.bins, &[2, 1, 1, 9, 0, 0][..]));
        assert_eq!(common.sums, Some(vec![2.0, 3.0, 7.0]));
        let found = rebin(&now, &own, &own).unwrap();
        assert_eq!((found.counts, found.exact), (now.counts, true));
    }
}
