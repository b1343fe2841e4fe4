//! The hot path: from the tensors of one request to counts.

use super::plan::{Group, Lane};
use super::reference::Reference;
use super::tally::Tally;
use crate::features::{self, Columns, Number, Numbers, Reading};
use crate::tensor::{Dictionary, Tensor};

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

    /// Counts the inputs of a batch, and every row of them.
    pub fn observe_all_inputs(&mut self, reference: &Reference, inputs: &[Tensor]) {
        let rows = rows(reference, &reference.plan.inputs, inputs) as u64;
        self.rows += rows;
        self.counted += rows;
        self.observe(reference, &reference.plan.inputs, inputs, 1);
    }

    /// Counts all that the model made of them.
    pub fn observe_all_predictions(&mut self, reference: &Reference, outputs: &[Tensor]) {
        self.observe(reference, &reference.plan.predictions, outputs, 1);
    }

    /// Counts only the rows of a request.
    pub fn pass_over(&mut self, reference: &Reference, inputs: &[Tensor]) {
        self.rows += rows(reference, &reference.plan.inputs, inputs) as u64;
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
        if let Some(dictionary) = feature.dictionary(of).filter(|_| step == 1) {
            self.count_dictionary(lane, dictionary);
        } else if feature.reading == Reading::Text {
            feature.each_text(of, step, |text| {
                if let Some(count) = self.counts.get_mut(lane.of_text(text)) {
                    *count += 1;
                }
            });
        } else {
            feature.each_number(of, step, |number| self.count_number(lane, number));
        }
    }

    /// Each different text is looked at once.
    pub(super) fn count_dictionary(&mut self, lane: &Lane, dictionary: &Dictionary) {
        let mut counts = vec![0; dictionary.values().len()];
        for key in dictionary.keys() {
            if let Some(count) = counts.get_mut(*key as usize) {
                *count += 1;
            }
        }
        for (text, more) in dictionary.values().iter().zip(counts) {
            if let Some(count) = self.counts.get_mut(lane.of_text(text)) {
                *count += more;
            }
        }
    }

    #[inline]
    pub(super) fn count_number(&mut self, lane: &Lane, number: f64) {
        if is_usual(number) {
            self.count_finite(lane, number);
        } else {
            self.count_odd(lane, number);
        }
    }

    #[inline]
    fn count_finite(&mut self, lane: &Lane, number: f64) {
        let bin = lane.of_finite(number);
        // Tallies are made for their reference, so there always is such a bin.
        let (Some(count), Some(sum)) = (self.counts.get_mut(bin), self.sums.get_mut(bin)) else {
            return;
        };
        *count += 1;
        *sum += number;
        if lane.is_outside(number) {
            self.count_outside(lane);
        }
    }

    /// What is missing or infinite has no sum, and what is very large no sum of its own.
    #[cold]
    fn count_odd(&mut self, lane: &Lane, number: f64) {
        let bin = lane.of_number(number);
        let (Some(count), Some(sum)) = (self.counts.get_mut(bin), self.sums.get_mut(bin)) else {
            return;
        };
        *count += 1;
        if number.is_finite() {
            *sum += number.clamp(-LARGEST, LARGEST);
            if lane.is_outside(number) {
                self.count_outside(lane);
            }
        }
    }

    #[cold]
    fn count_outside(&mut self, lane: &Lane) {
        if let Some(outside) = self.outside.get_mut(lane.place) {
            *outside += 1;
        }
    }
}

/// One comparison for the numbers that nearly all are: NaN fails it as well.
#[inline]
pub(super) fn is_usual(number: f64) -> bool {
    number.abs() <= LARGEST
}

/// Counts the columns of a table.
struct Counter<'a>(&'a mut Tally, &'a [Lane]);

impl Columns for Counter<'_> {
    #[inline]
    fn column<T: Number>(&mut self, at: usize, numbers: Numbers<'_, T>) {
        let Some(lane) = self.1.get(at) else { return };
        self.0.count_column(lane, numbers);
    }

    fn row(&mut self, first: usize, numbers: &[f64]) {
        let lanes = self.1.get(first..).unwrap_or_default();
        for (lane, number) in lanes.iter().zip(numbers) {
            self.0.count_number(lane, *number);
        }
    }
}

/// Rows of a request, as the tensors say that are watched.
fn rows(reference: &Reference, groups: &[Group], tensors: &[Tensor]) -> usize {
    let of = |group: &Group| match group {
        Group::Table(table, _) => table.rows(tensors),
        Group::Other(lane) => features::rows([&reference.watched[lane.place].feature], tensors),
    };
    groups.iter().map(of).max().unwrap_or(0)
}

fn step(rows: usize) -> usize {
    rows.div_ceil(MAX_ROWS).max(1)
}
