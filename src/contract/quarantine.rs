//! The last rows that were refused and are kept for a look, with what refused them. Without the
//! values, unless the contract allows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::violation::Violation;
use crate::features::Role;

const MOST_ROWS: usize = 100;
/// Of all lines. Of a row with more than that only what is wrong is kept.
const MOST_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Ring(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    lines: VecDeque<String>,
    bytes: usize,
}

/// On which side of the model a row was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Request,
    Answer,
}

#[derive(Serialize)]
pub(super) struct Kept {
    pub(super) of: Source,
    pub(super) row: usize,
    /// What refuses it.
    pub(super) violations: Vec<Violation>,
    /// All of the row as it came; nothing unless the contract shows values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Line<'a> {
    unix_ms: u128,
    #[serde(flatten)]
    kept: &'a Kept,
}

impl Source {
    pub(super) fn role(self) -> Role {
        match self {
            Self::Request => Role::Input,
            Self::Answer => Role::Prediction,
        }
    }
}

impl Kept {
    fn line(&self) -> String {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let line = Line { unix_ms: since.as_millis(), kept: self };
        // Numbers and texts always serialise.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}

impl Ring {
    pub(super) fn push(&self, mut kept: Kept) {
        let mut text = kept.line();
        if text.len() > MOST_BYTES {
            kept.values.clear();
            text = kept.line();
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.bytes += text.len();
        lines.lines.push_back(text);
        while lines.lines.len() > MOST_ROWS || lines.bytes > MOST_BYTES {
            let Some(oldest) = lines.lines.pop_front() else { break };
            lines.bytes -= oldest.len();
        }
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.lines.iter().map(String::as_str).collect()
    }
}
