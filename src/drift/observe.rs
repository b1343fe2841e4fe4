//! The hot path: from the tensors of one request to counts.

use super::binning::Binning;
use super::plan::{Group, Lane};
use super::reference::Reference;
use super::tally::Tally;
use crate::features::{self, Columns, Reading};
use crate::tensor::Tensor;

/// Rows of one request that are counted at most; of more, every second, third … one is.
const MAX_ROWS: usize = 2_000;

/// Larger numbers are summed up as this one, so that no sum overflows.
const LARGEST: f64 = 1e200;

impl Tally {
    /// Counts the inputs of a request. Its rows are counted here, too.
    pub fn observe_inputs(&mut self, reference: &Reference, inputs: &[Tensor]) {
        let rows = rows(reference, &reference.plan.inputs, inputs);
        let step = step(rows);
        self.rows += rows as u64;
        self.counted += rows.div_ceil(step) as u64;
        self.observe(reference, &reference.plan.inputs, inputs, step);
    }

    /// Counts what the model made of them.
    pub fn observe_predictions(&mut self, reference: &Reference, outputs: &[Tensor]) {
        let groups = &reference.plan.predictions;
        let step = step(rows(reference, groups, outputs));
        self.observe(reference, groups, outputs, step);
    }

    fn observe(&mut self, reference: &Reference, groups: &[Group], of: &[Tensor], step: usize) {
        for group in groups {
            match group {
                Group::Table(table, lanes) => table.each(of, step, &mut Counter(self, lanes)),
                Group::Other(lane) => self.observe_other(reference, lane, of, step),
            }
        }
    }

    fn observe_other(&mut self, reference: &Reference, lane: &Lane, of: &[Tensor], step: usize) {
        let feature = &reference.watched[lane.place].feature;
        let Some(mut counts) = lane.counts(self) else { return };
        if feature.reading == Reading::Text {
            feature.each_text(of, step, |text| {
                counts.counts[lane.binning.of_text(text)] += 1;
            });
        } else {
            feature.each_number(of, step, |number| counts.add(number));
        }
    }
}

/// Counts the columns of a table.
struct Counter<'a>(&'a mut Tally, &'a [Lane]);

impl Columns for Counter<'_> {
    #[inline]
    fn take(&mut self, at: usize, numbers: impl Iterator<Item = f64>) {
        let Some(mut counts) = self.1.get(at).and_then(|lane| lane.counts(self.0)) else { return };
        numbers.for_each(|number| counts.add(number));
    }
}

/// The part of a tally that belongs to one feature.
struct Counts<'a> {
    lane: &'a Lane,
    counts: &'a mut [u64],
    sums: &'a mut [f64],
    outside: &'a mut u64,
}

impl Lane {
    #[inline]
    fn counts<'a>(&'a self, tally: &'a mut Tally) -> Option<Counts<'a>> {
        let bins = self.first..self.first + self.bins;
        Some(Counts {
            lane: self,
            counts: tally.counts.get_mut(bins.clone())?,
            sums: tally.sums.get_mut(bins)?,
            outside: tally.outside.get_mut(self.place)?,
        })
    }
}

impl Counts<'_> {
    #[inline]
    fn add(&mut self, number: f64) {
        if !number.is_finite() {
            self.counts[self.lane.binning.of_number(number)] += 1;
            return;
        }
        let bin = match &self.lane.binning {
            Binning::Edges(edges) => edges.bin_of(number),
            other => other.of_number(number),
        };
        self.counts[bin] += 1;
        self.sums[bin] += number.clamp(-LARGEST, LARGEST);
        let outside = number < self.lane.least || number > self.lane.greatest;
        *self.outside += u64::from(outside);
    }
}

/// Rows of a request, as the tensors say that are watched.
fn rows(reference: &Reference, groups: &[Group], tensors: &[Tensor]) -> usize {
    let features = groups.iter().map(|group| &reference.watched[group.place()].feature);
    features::rows(features, tensors)
}

fn step(rows: usize) -> usize {
    rows.div_ceil(MAX_ROWS).max(1)
}
