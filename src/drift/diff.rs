//! Two samples of a model's data side by side, once and for all: a profile and another one, or
//! a profile and rows that were counted in its bins.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::comparable::comparable;
use super::outcomes::{Outcomes, Quality};
use super::profile::{Bins, FeatureProfile, Profile};
use super::rebin::{Rebinned, rebin};
use super::reference::{Reference, ReferenceError, Watched};
use super::score::{Scores, share};
use super::tally::Tally;
use super::verdict::{Limit, State, at_once};
use crate::features::{Reading, Role};
use crate::stats::counts::Alpha;
use crate::stats::float;

/// The form of what is written.
const FORMAT: u32 = 1;

/// Of all comparisons without drift, so many may find some by chance, whatever the number of
/// features.
const FALSE_ALARMS: f64 = 0.01;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    pub format: u32,
    pub reference: Side,
    pub current: Side,
    /// Features that have drifted.
    pub drifted: usize,
    /// What drifted most comes first.
    pub features: Vec<Compared>,
    pub only_in_reference: Vec<String>,
    /// Of data: columns that are no feature.
    pub only_in_current: Vec<String>,
    pub not_compared: Vec<NotCompared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Qualities>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Where it was read.
    pub name: String,
    pub rows: u64,
    /// Of the model file that made the predictions; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotCompared {
    pub name: String,
    pub reason: String,
}

/// One feature in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub name: String,
    pub role: Role,
    pub reading: Reading,
    pub state: State,
    /// Whether the current counts were partly found with the quantiles of a profile.
    pub approximate: bool,
    pub reference: Part,
    pub current: Part,
    /// Absent where there are too few values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// What the reference does itself over time; absent where it has no blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<Limit>,
    /// All of the reference's bins, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<Bin>,
}

/// What one side has of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub values: u64,
    /// A share.
    pub missing: f64,
    /// Of the finite numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub holds: Holds,
    pub reference: u64,
    pub current: u64,
}

/// Which values a bin has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Above the first and up to the second; without one of them to the end.
    Interval([Option<f64>; 2]),
    Number(f64),
    Text(String),
    /// `other`, `missing`, `-inf` or `+inf`.
    Special(String),
}

/// How good the scores are on either side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Qualities {
    pub prediction: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Quality>,
    /// If every score still means what it meant in the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Quality>,
    /// Where the truth is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Quality>,
}

/// The current side, in the bins of the reference.
#[derive(Debug, Clone)]
pub struct Current {
    pub side: Side,
    pub tally: Tally,
    /// Places of features that are not there, and why not.
    absent: HashMap<usize, Option<String>>,
    /// Places of features that were counted with quantiles.
    approximate: Vec<usize>,
    counted_outside: bool,
    only: Vec<String>,
    pub outcomes: Option<Outcomes>,
}

impl Current {
    /// Rows that were counted. `only` are columns of theirs that are no features.
    #[must_use]
    pub fn counted(side: Side, tally: Tally, only: Vec<String>) -> Self {
        Self {
            side,
            tally,
            absent: HashMap::new(),
            approximate: Vec::new(),
            counted_outside: true,
            only,
            outcomes: None,
        }
    }

    /// Another profile, its counts put into the reference's bins; see
    /// [`Profile::comparable_with`].
    ///
    /// # Errors
    /// [`ReferenceError`] if it makes no sense.
    pub fn profile(
        name: String,
        profile: &Profile,
        reference: &Reference,
    ) -> Result<Self, ReferenceError> {
        let read = Reference::alone(profile)?;
        let side = Side { name, rows: profile.rows, sha256: Some(profile.sha256.clone()) };
        let mut current = Self::counted(side, Tally::new(reference), Vec::new());
        current.counted_outside = false;
        current.outcomes.clone_from(&profile.target);
        let mut others: HashMap<&str, (&FeatureProfile, &Watched)> =
            profile.features.iter().zip(&read.watched).map(|of| (of.0.name.as_str(), of)).collect();
        for (place, wanted) in reference.watched.iter().enumerate() {
            let found = others.remove(wanted.feature.name.as_str());
            current.take(place, wanted, found);
        }
        let left = profile.features.iter().filter(|of| others.contains_key(of.name.as_str()));
        current.only = left.map(|of| of.name.clone()).collect();
        Ok(current)
    }

    fn take(&mut self, place: usize, wanted: &Watched, of: Option<(&FeatureProfile, &Watched)>) {
        let Some((profile, watched)) = of else {
            self.absent.insert(place, None);
            return;
        };
        let (before, now) = (&wanted.profile, profile);
        let same = (before.role, before.reading) == (now.role, now.reading);
        let found = same.then(|| rebin(profile, &watched.binning, &wanted.binning)).flatten();
        let Some(Rebinned { counts, sums, exact }) = found else {
            let kind = |of: &FeatureProfile| format!("{:?} read as {:?}", of.role, of.reading);
            let reason = format!("{} there, {} here", kind(before), kind(now)).to_lowercase();
            self.absent.insert(place, Some(reason));
            return;
        };
        let bins = wanted.first..wanted.first + wanted.binning.bins();
        self.tally.counts[bins.clone()].copy_from_slice(&counts);
        self.tally.sums[bins].copy_from_slice(&sums);
        if !exact {
            self.approximate.push(place);
        }
    }
}

impl Current {
    /// Features of the reference that are not there, and those that cannot be compared.
    fn absent(&self, reference: &Reference) -> (Vec<String>, Vec<NotCompared>) {
        let (mut only, mut others) = (Vec::new(), Vec::new());
        for (place, watched) in reference.watched.iter().enumerate() {
            let name = watched.feature.name.clone();
            match self.absent.get(&place) {
                None => {}
                Some(None) => only.push(name),
                Some(Some(reason)) => others.push(NotCompared { name, reason: reason.clone() }),
            }
        }
        (only, others)
    }
}

impl Profile {
    /// The profile in bins that another one can be counted in, too. Both make sense.
    #[must_use]
    pub fn comparable_with(&self, other: &Self) -> Self {
        let known: HashMap<&str, &FeatureProfile> =
            other.features.iter().map(|of| (of.name.as_str(), of)).collect();
        let feature = |of: &FeatureProfile| match known.get(of.name.as_str()) {
            Some(other) => comparable(of, other),
            None => of.clone(),
        };
        Self { features: self.features.iter().map(feature).collect(), ..self.clone() }
    }
}

impl Diff {
    /// `outcomes` are those of the reference.
    #[must_use]
    pub fn new(
        side: Side,
        reference: &Reference,
        outcomes: Option<&Outcomes>,
        current: Current,
    ) -> Self {
        let watched = &reference.watched;
        #[expect(clippy::cast_precision_loss, reason = "thousands of features at most")]
        let alpha = Alpha::nearest(FALSE_ALARMS / watched.len().max(1) as f64);
        let present = watched.iter().enumerate();
        let present = present.filter(|(place, _)| !current.absent.contains_key(place));
        let mut features: Vec<Compared> =
            present.map(|(place, watched)| compared(watched, place, &current, alpha)).collect();
        features.sort_by(more_drifted_first);
        let (only_in_reference, not_compared) = current.absent(reference);
        Self {
            format: FORMAT,
            reference: side,
            drifted: features.iter().filter(|of| of.state == State::Drifted).count(),
            features,
            only_in_reference,
            only_in_current: current.only,
            not_compared,
            quality: qualities(outcomes, current.outcomes.as_ref()),
            current: current.side,
        }
    }

    /// Whether predictions were made by different models; `None` where one side has none.
    #[must_use]
    pub fn other_model(&self) -> Option<bool> {
        Some(self.reference.sha256.as_ref()? != self.current.sha256.as_ref()?)
    }
}

fn compared(watched: &Watched, place: usize, current: &Current, alpha: Alpha) -> Compared {
    let profile = &watched.profile;
    let bins = watched.first..watched.first + watched.binning.bins();
    let (counts, sums) = (&current.tally.counts[bins.clone()], &current.tally.sums[bins]);
    let before = profile.sample();
    let mut scores = Scores::of(watched, place, &current.tally, alpha);
    if let Some(scores) = &mut scores
        && !current.counted_outside
    {
        scores.outside = None;
    }
    let bin = |bin: usize| Bin {
        holds: holds(watched, bin),
        reference: before.counts[bin],
        current: counts[bin],
    };
    Compared {
        name: watched.feature.name.clone(),
        role: profile.role,
        reading: profile.reading,
        state: at_once(profile, scores.as_ref()),
        approximate: current.approximate.contains(&place),
        reference: part(watched, before.counts, before.sums),
        current: part(watched, counts, sums),
        usual: usual(profile, scores.as_ref()),
        scores,
        bins: (0..watched.binning.bins()).map(bin).collect(),
    }
}

fn usual(profile: &FeatureProfile, scores: Option<&Scores>) -> Option<Limit> {
    let scores = scores?;
    Some(Limit::of(profile.usual(None, scores.values)?, scores))
}

fn part(watched: &Watched, counts: &[u64], sums: &[f64]) -> Part {
    let values = counts.iter().sum::<u64>();
    let finite = watched.binning.finite();
    let numbers: u64 = counts[..finite].iter().sum();
    let mean = || sums.iter().take(finite).sum::<f64>() / float(numbers);
    Part {
        values,
        missing: share(counts[watched.binning.missing()], values),
        mean: (watched.binning.is_of_numbers() && numbers > 0).then(mean),
    }
}

fn holds(watched: &Watched, bin: usize) -> Holds {
    let own = match &watched.profile.bins {
        Bins::Edges(edges) if bin <= edges.len() => {
            let low = bin.checked_sub(1).map(|before| edges[before]);
            Some(Holds::Interval([low, edges.get(bin).copied()]))
        }
        Bins::Numbers(numbers) => numbers.get(bin).copied().map(Holds::Number),
        Bins::Texts(texts) => texts.get(bin).cloned().map(Holds::Text),
        Bins::Edges(_) => None,
    };
    own.unwrap_or_else(|| Holds::Special(watched.binning.name(bin)))
}

fn more_drifted_first(a: &Compared, b: &Compared) -> Ordering {
    let excess = |of: &Compared| of.scores.map_or(0.0, |scores| scores.psi - scores.psi_expected);
    b.state.cmp(&a.state).then(excess(b).total_cmp(&excess(a))).then(a.name.cmp(&b.name))
}

fn qualities(before: Option<&Outcomes>, now: Option<&Outcomes>) -> Option<Qualities> {
    let (before, now) = (before?, now?);
    (before.prediction == now.prediction).then(|| Qualities {
        prediction: before.prediction.clone(),
        reference: before.realised(),
        expected: now.expected(before),
        current: now.realised(),
    })
}
