//! The index of the repository: every version and its state.

use serde::Serialize;

use crate::registry::{Snapshot, State};

/// One version, or a model that has none.
#[derive(Serialize)]
pub struct IndexEntry<'a> {
    pub name: &'a str,
    pub version: String,
    pub state: &'static str,
    pub reason: &'a str,
}

/// Every version, or only those that serve.
#[must_use]
pub fn index(snapshot: &Snapshot, ready: bool) -> Vec<IndexEntry<'_>> {
    let mut entries = Vec::new();
    let source = snapshot.problem.as_deref().unwrap_or_default();
    for (name, model) in &snapshot.models {
        if let Some(problem) = &model.problem
            && model.versions.is_empty()
        {
            let state = State::Unavailable.as_str();
            entries.push(IndexEntry { name, version: String::new(), state, reason: problem });
        }
        for (version, entry) in &model.versions {
            entries.push(IndexEntry {
                name,
                version: version.to_string(),
                state: entry.state.as_str(),
                reason: match model.problem.as_deref().unwrap_or(&entry.reason) {
                    "" => source,
                    reason => reason,
                },
            });
        }
    }
    entries.retain(|entry| !ready || entry.state == State::Ready.as_str());
    entries
}
