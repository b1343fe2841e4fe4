//! What a job has done so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drift::{FileVerdict, Reference, Tally};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were written.
    pub written: u64,
    pub bad: u64,
    /// What is wrong with bad rows; a row may have several.
    pub codes: BTreeMap<String, u64>,
    /// Values that the contract warns of.
    pub warned: u64,
    /// Values that the contract repaired.
    pub repaired: u64,
    /// The data in the bins of the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

impl Totals {
    /// What all rows that ran look like beside the reference that they were counted by; `None` if
    /// none did.
    #[must_use]
    pub fn verdict(&self, reference: &Reference) -> Option<FileVerdict> {
        let tally = self.tally.as_ref().filter(|tally| tally.fits(reference))?;
        Some(FileVerdict::new("input", reference, tally.clone()))
    }

    pub fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.written += more.written;
        self.bad += more.bad;
        self.warned += more.warned;
        self.repaired += more.repaired;
        for (code, count) in &more.codes {
            *self.codes.entry(code.clone()).or_default() += count;
        }
        match (&mut self.tally, &more.tally) {
            (Some(tally), Some(more)) => tally.add(more),
            (none, Some(more)) => *none = Some(more.clone()),
            (_, None) => {}
        }
    }
}
