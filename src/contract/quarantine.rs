//! The last rows that were refused and are kept for a look. Without the values, unless the
//! contract allows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::violation::Violation;

const MOST_ROWS: usize = 100;
const MOST_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Ring(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    lines: VecDeque<String>,
    bytes: usize,
}

#[derive(Serialize)]
pub(super) struct Kept<'a> {
    pub(super) row: usize,
    pub(super) violations: Vec<&'a Violation>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<&'a str, String>,
}

#[derive(Serialize)]
struct Line<'a> {
    unix_ms: u128,
    #[serde(flatten)]
    kept: &'a Kept<'a>,
}

impl Ring {
    pub(super) fn push(&self, kept: &Kept) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let line = Line { unix_ms: since.as_millis(), kept };
        // Numbers and texts always serialise.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        if text.len() > MOST_BYTES {
            return;
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
