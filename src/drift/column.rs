//! One feature in the first pass over reference data: what is needed to choose its bins.

use std::collections::HashMap;

use super::binning::Binning;
use super::profile::{Bins, FeatureProfile, Moments};
use super::reference::Watched;
use crate::features::{Feature, Reading, Role};
use crate::stats::{self, Collector, Distinct, Precision, quantile_edges};
use crate::tensor::{CompactString, Tensor};

/// Intervals of a number, about.
const INTERVALS: usize = 10;

/// Numbers with more distinct values fall into intervals.
const MAX_VALUES: usize = 20;

/// Texts with more distinct values are no categories.
const MAX_TEXTS: usize = 10_000;

/// A category with a smaller share of the texts is one of the others.
const LEAST_SHARE: f64 = 0.01;

/// Texts whose categories cover less of them are watched by their length.
const LEAST_COVERED: f64 = 0.5;

pub(super) struct Column {
    feature: Feature,
    numbers: Collector,
    texts: Option<Texts>,
}

/// Texts of a column by how often they came. Those that came first keep their places when
/// there are too many; then they are no categories anyway.
#[derive(Default)]
struct Texts {
    counts: HashMap<CompactString, u64>,
    present: u64,
}

impl Column {
    /// Keeps up to so many numbers for exact quantiles.
    pub(super) fn new(feature: Feature, kept: usize) -> Self {
        let texts = (feature.reading == Reading::Text).then(Texts::default);
        Self { feature, numbers: Collector::new(kept), texts }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &str {
        &self.feature.name
    }

    pub(super) fn add(&mut self, inputs: &[Tensor], outputs: &[Tensor]) {
        let tensors = match self.feature.role {
            Role::Input => inputs,
            Role::Prediction => outputs,
        };
        let Some(texts) = &mut self.texts else {
            self.feature.each_number(tensors, 1, |number| self.numbers.add(number));
            return;
        };
        self.feature.each_text(tensors, 1, |text| texts.add(text));
        let lengths = self.feature.read_as(Reading::Length);
        lengths.each_number(tensors, 1, |length| self.numbers.add(length));
    }

    /// The feature with its bins, `first` of all, and nothing counted yet.
    pub(super) fn finish(self, first: usize) -> Watched {
        let categories = self.texts.and_then(Texts::categories);
        let (feature, bins) = match categories {
            Some(texts) => (self.feature, Some(Bins::Texts(texts))),
            None if self.feature.reading == Reading::Text => {
                (self.feature.read_as(Reading::Length), None)
            }
            None => (self.feature, None),
        };
        let numeric = bins.is_none();
        let moments = if numeric { moments(&self.numbers) } else { None };
        let exact = self.numbers.is_exact();
        let distinct = if numeric { self.numbers.into_distinct() } else { Distinct::default() };
        let quantiles = distinct.cdf().unwrap_or_default();
        let bins = bins.unwrap_or_else(|| of_numbers(&distinct, exact));
        // The bins were made just now of distinct categories and increasing edges.
        let binning = Binning::new(&bins).unwrap_or_else(|_| Binning::Numbers(Vec::new()));
        let profile = FeatureProfile {
            name: feature.name.clone(),
            role: feature.role,
            reading: feature.reading,
            bins,
            counts: Vec::new(),
            sums: None,
            moments,
            importance: None,
            quantiles,
            blocks: Vec::new(),
        };
        Watched { feature, binning, profile, first, weight: 0.0 }
    }
}

fn moments(numbers: &Collector) -> Option<Moments> {
    let of: &stats::Moments = numbers.moments();
    Some(Moments {
        mean: of.mean()?,
        sigma: of.sigma()?,
        least: of.least()?,
        greatest: of.greatest()?,
    })
}

fn of_numbers(distinct: &Distinct, exact: bool) -> Bins {
    let values = distinct.as_slice();
    if exact && values.len() <= MAX_VALUES {
        return Bins::Numbers(values.iter().map(|(value, _)| *value).collect());
    }
    let edges = quantile_edges(distinct, INTERVALS, Precision::Single);
    Bins::Edges(edges.as_slice().to_vec())
}

impl Texts {
    fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.present += 1;
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
        } else if self.counts.len() < MAX_TEXTS {
            self.counts.insert(text.into(), 1);
        }
    }

    /// The most frequent texts, if they are categories.
    #[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
    fn categories(self) -> Option<Vec<String>> {
        let mut counts: Vec<(CompactString, u64)> = self.counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let share = |count: u64| count as f64 / self.present as f64;
        counts.truncate(Binning::MAX_CATEGORIES);
        counts.retain(|(_, count)| share(*count) >= LEAST_SHARE);
        let covered: u64 = counts.iter().map(|(_, count)| count).sum();
        // Where all are missing there is nothing to cover.
        let enough = self.present == 0 || share(covered) >= LEAST_COVERED;
        enough.then(|| counts.into_iter().map(|(text, _)| text.into()).collect())
    }
}
