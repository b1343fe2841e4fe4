//! What a batch looks like beside the contract: its rows are judged one by one, because thousands
//! of good rows must not be refused for a single bad one.

use std::collections::BTreeMap;

use super::check::{Contract, Passed};
use super::column::Side;
use super::finder::Finder;
use super::violation::Violation;
use crate::tensor::Tensor;

/// Violations that are listed of one row.
const MOST_OF_ROW: usize = 8;

/// Violations beyond the first of their row that are listed of all rows together: where every row
/// of a large batch is wrong in every column, the list must not become larger than the batch.
const MOST_FURTHER: usize = 65_536;

/// Every bad row with what is wrong in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowVerdicts {
    bad: BTreeMap<usize, Vec<Violation>>,
    further: usize,
    total: u64,
}

/// A row that the model must not see, or whose prediction must not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRow<'v> {
    pub row: usize,
    /// The first of them, and never none.
    pub violations: &'v [Violation],
}

impl RowVerdicts {
    /// Bad rows, ascending.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = BadRow<'_>> {
        self.bad.iter().map(|(row, violations)| BadRow { row: *row, violations })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bad.is_empty()
    }

    /// All violations that make rows bad, listed or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn of_total(self, total: u64) -> Self {
        Self { total, ..self }
    }

    /// Whether one more violation of this row is listed.
    pub(super) fn has_room(&self, row: usize) -> bool {
        self.bad
            .get(&row)
            .is_none_or(|listed| listed.len() < MOST_OF_ROW && self.further < MOST_FURTHER)
    }

    pub(super) fn push(&mut self, row: usize, violation: Violation) {
        if let Some(listed) = self.bad.get_mut(&row) {
            listed.push(violation);
            self.further += 1;
        } else {
            // Of one place: most rows have one.
            self.bad.insert(row, vec![violation]);
        }
    }
}

impl Contract {
    /// Like [`Self::inputs`], but rows that the model must not see are named, and the others are
    /// not refused with them. Repairs are made. There is no limit on rows: `max_rows` is about
    /// requests.
    #[must_use]
    pub fn rows(&self, mut tensors: Vec<Tensor>) -> (Vec<Tensor>, RowVerdicts, Passed) {
        let rows = self.rows_of(&tensors);
        self.rows.add(rows);
        let side = Side { name: "inputs", place_of: &|input| input };
        let mut finder = Finder::by_row(self);
        let repaired = self.look(&mut tensors, rows, &side, &mut finder);
        let passed = Passed { warned: finder.warned, repaired };
        (tensors, finder.verdicts(), passed)
    }

    /// Like [`Self::answer`], but by row: those whose predictions must not leave, and the number
    /// of violations that callers are told of.
    #[must_use]
    pub fn answer_rows(&self, tensors: &[Tensor]) -> (RowVerdicts, u64) {
        let mut finder = Finder::by_row(self);
        self.look_at_answer(tensors, &mut finder);
        let warned = finder.warned;
        (finder.verdicts(), warned)
    }
}
