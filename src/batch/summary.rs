//! What was done, for whoever asked for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::run::{Outcome, Output};
use super::totals::Totals;
use crate::drift::{FileVerdict, Reference};

const NONE_RAN: &str = "drift cannot be judged: expected rows that ran, there are none";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub outputs: Vec<Output>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
    /// Of a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    pub rows: u64,
    pub written: u64,
    pub bad: u64,
    pub codes: BTreeMap<String, u64>,
    pub warned: u64,
    pub repaired: u64,
    /// Of all rows that ran; absent without a reference, or if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<FileVerdict>,
    /// Of the last attempt.
    pub seconds: f64,
}

impl Summary {
    /// `shown` makes names of files what callers may see of them.
    #[must_use]
    pub fn new(
        outcome: Outcome,
        reference: Option<&Reference>,
        seconds: f64,
        shown: impl Fn(&str) -> String,
    ) -> Self {
        let drift = reference.and_then(|reference| outcome.totals.verdict(reference));
        let Outcome { totals, outputs, rejects, manifest, .. } = outcome;
        let Totals { rows, written, bad, codes, warned, repaired, .. } = totals;
        let output = |output: Output| Output { name: shown(&output.name), bytes: output.bytes };
        Self {
            outputs: outputs.into_iter().map(output).collect(),
            rejects: rejects.map(|name| shown(&name)),
            manifest: manifest.map(|name| shown(&name)),
            rows,
            written,
            bad,
            codes,
            warned,
            repaired,
            drift,
            seconds,
        }
    }

    /// # Errors
    /// Why the data must not pass for that of the reference.
    pub fn check_drift(&self) -> Result<(), String> {
        let passed =
            self.drift.as_ref().map_or_else(|| Err(NONE_RAN.to_owned()), FileVerdict::check);
        passed.map_err(|reason| format!("{reason}; the output is complete"))
    }
}
