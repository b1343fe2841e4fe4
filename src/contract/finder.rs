//! Collects the violations of one request, or of a batch by its rows.

use super::check::Contract;
use super::document::Mode;
use super::verdicts::RowVerdicts;
use super::violation::{Code, Refusal, Violation};

/// Violations that an answer lists; all are counted.
pub(super) const MOST_LISTED: usize = 100;

/// Rows of one request that are kept for a look.
const MOST_ROWS: usize = 100;

pub(super) struct Finder<'c> {
    contract: &'c Contract,
    pub(super) warned: u64,
    refused: u64,
    listed: Vec<Violation>,
    /// Lists instead, where rows are judged one by one.
    by_row: Option<RowVerdicts>,
    /// Rows to keep for a look, each once, in the order in which they were found.
    kept: Vec<usize>,
}

/// One value that is wrong.
pub(super) struct Found {
    pub(super) entry: usize,
    pub(super) mode: Mode,
    pub(super) code: Code,
    pub(super) row: Option<usize>,
}

impl<'c> Finder<'c> {
    pub(super) fn new(contract: &'c Contract) -> Self {
        let (listed, kept) = (Vec::new(), Vec::new());
        Self { contract, warned: 0, refused: 0, listed, by_row: None, kept }
    }

    pub(super) fn by_row(contract: &'c Contract) -> Self {
        Self { by_row: Some(RowVerdicts::default()), ..Self::new(contract) }
    }

    /// Counts it. `describe` gives pointer, what was expected, and the value.
    pub(super) fn add(
        &mut self,
        found: &Found,
        describe: impl FnOnce() -> (String, String, Option<String>),
    ) {
        self.contract.count(found.entry, found.code);
        match found.mode {
            Mode::Off | Mode::Observe => return,
            Mode::Warn => {
                self.warned += 1;
                return;
            }
            Mode::Reject | Mode::Quarantine | Mode::Repair => self.refused += 1,
        }
        if let (Mode::Quarantine, Some(row)) = (found.mode, found.row)
            && self.kept.len() < MOST_ROWS
            && !self.kept.contains(&row)
        {
            self.kept.push(row);
        }
        let is_wanted = match &self.by_row {
            Some(verdicts) => found.row.is_some_and(|row| verdicts.has_room(row)),
            None => self.listed.len() < MOST_LISTED,
        };
        if !is_wanted {
            return;
        }
        let (pointer, expected, value) = describe();
        let value = value.filter(|_| self.contract.values);
        let feature = self.contract.entries[found.entry].name.clone();
        let (row, code) = (found.row, found.code);
        let violation = Violation { pointer, feature, row, code, expected, value };
        match self.by_row.as_mut().zip(row) {
            Some((verdicts, row)) => verdicts.push(row, violation),
            None => self.listed.push(violation),
        }
    }

    /// Counts a violation that is one no more.
    pub(super) fn repaired(&self, entry: usize, code: Code) {
        self.contract.count(entry, code);
    }

    pub(super) fn refusal(self, of_answer: bool) -> Option<Refusal> {
        let (total, violations) = (self.refused, self.listed);
        (total > 0).then_some(Refusal { of_answer, total, violations })
    }

    /// What was found of a batch.
    pub(super) fn verdicts(self) -> RowVerdicts {
        self.by_row.unwrap_or_default().of_total(self.refused)
    }

    /// The rows to keep for a look, in their order.
    pub(super) fn rows_to_keep(&self) -> Vec<usize> {
        let mut rows = self.kept.clone();
        rows.sort_unstable();
        rows
    }
}
