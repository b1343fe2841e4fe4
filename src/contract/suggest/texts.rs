//! What texts were seen, and whether they are a set.

use std::collections::BTreeSet;

use compact_str::CompactString;

use crate::contract::document::{FeatureRule, Scalar};

/// More are no set that somebody would read.
const MOST_KINDS: usize = 200;

/// Rows for each kind: of fewer, others are still to come.
const ROWS_OF_A_KIND: u64 = 20;

/// Characters that a text may always have.
const LEAST_LENGTH: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Texts {
    rows: u64,
    missing: u64,
    /// One more than [`MOST_KINDS`] at most.
    kinds: BTreeSet<CompactString>,
    /// Characters.
    longest: usize,
}

impl Texts {
    pub(super) fn add(&mut self, text: &str) {
        self.rows += 1;
        if text.is_empty() {
            self.missing += 1;
            return;
        }
        self.longest = self.longest.max(text.chars().count());
        if self.kinds.len() <= MOST_KINDS && !self.kinds.contains(text) {
            self.kinds.insert(text.into());
        }
    }

    pub(super) fn rule(&self, name: String) -> FeatureRule {
        let set = self.is_set().then(|| {
            self.kinds.iter().map(|kind| Scalar::Text(kind.to_string())).collect::<Vec<_>>()
        });
        let longest = (self.longest * 2).max(LEAST_LENGTH);
        FeatureRule {
            name,
            nullable: (self.missing == 0).then_some(false),
            max_length: set.is_none().then_some(longest).filter(|_| self.longest > 0),
            set,
            ..FeatureRule::default()
        }
    }

    fn is_set(&self) -> bool {
        let kinds = self.kinds.len();
        let enough = self.rows >= ROWS_OF_A_KIND * kinds as u64;
        (1..=MOST_KINDS).contains(&kinds) && enough
    }

    pub(super) fn note(&self) -> String {
        let kinds = match self.kinds.len() {
            1 => "1 value".to_owned(),
            kinds if kinds > MOST_KINDS => format!("more than {MOST_KINDS} values"),
            kinds => format!("{kinds} values"),
        };
        let missing =
            if self.missing > 0 { format!(", {} missing", self.missing) } else { String::new() };
        format!("{kinds} of up to {} characters{missing}", self.longest)
    }
}
