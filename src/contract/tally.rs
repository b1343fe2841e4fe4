//! What has been counted of a contract since its version was loaded.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::IntCounter;
use serde::Serialize;

use super::demands::Demands;
use super::document::Mode;
use super::violation::Code;

/// What violations are counted for: a feature, an output, an input, or a rule of rows.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) counts: Vec<Count>,
    pub(super) demands: Demands,
}

pub(super) struct Count {
    pub(super) code: Code,
    pub(super) action: &'static str,
    seen: AtomicU64,
    counter: Option<IntCounter>,
}

/// A contract and what was counted, as `/api` shows it.
#[derive(Serialize)]
pub struct Report<'a> {
    pub id: &'a str,
    pub mode: Mode,
    /// Rows of requests that were checked.
    pub rows: u64,
    /// Rows of answers that were checked, if there is a rule for them.
    pub answered: u64,
    pub features: Vec<EntryReport<'a>>,
}

#[derive(Serialize)]
pub struct EntryReport<'a> {
    pub name: &'a str,
    pub mode: Mode,
    pub violations: std::collections::BTreeMap<&'static str, u64>,
    /// What is demanded.
    pub rules: &'a Demands,
}

impl Entry {
    pub(super) fn new(name: String, mode: Mode, codes: &[Code]) -> Self {
        let mut entry = Self { name, mode, counts: Vec::new(), demands: Demands::default() };
        entry.allow(codes, mode.as_str());
        entry
    }

    pub(super) fn allow(&mut self, codes: &[Code], action: &'static str) {
        for &code in codes {
            let count = Count { code, action, seen: AtomicU64::new(0), counter: None };
            self.counts.push(count);
        }
    }

    pub(super) fn count(&self, code: Code) {
        if let Some(count) = self.counts.iter().find(|count| count.code == code) {
            count.seen.fetch_add(1, Relaxed);
            if let Some(counter) = &count.counter {
                counter.inc();
            }
        }
    }

    /// Values that led to more than a count.
    pub(super) fn violations(&self) -> u64 {
        let told = self.counts.iter().filter(|count| count.action != Mode::Observe.as_str());
        told.map(|count| count.seen.load(Relaxed)).sum()
    }

    pub(super) fn report(&self) -> EntryReport<'_> {
        let violations =
            self.counts.iter().map(|count| (count.code.as_str(), count.seen.load(Relaxed)));
        EntryReport {
            name: &self.name,
            mode: self.mode,
            violations: violations.collect(),
            rules: &self.demands,
        }
    }
}

impl Count {
    pub(super) fn show_on(&mut self, counter: IntCounter) {
        self.counter = Some(counter);
    }
}
