//! What callers see of a job.

use jiff::Timestamp;
use serde::Serialize;

use super::record::{Moment, Record, Scheduled, State};
use super::request::Request;
use crate::batch::Summary;

#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub id: String,
    pub state: State,
    /// What was asked for.
    pub request: Request,
    /// The schedule that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Scheduled>,
    pub attempts: u32,
    /// The version that it was begun with.
    pub version: Option<u64>,
    /// Of that version's model file.
    pub sha256: Option<String>,
    pub created: String,
    pub started: Option<String>,
    pub ended: Option<String>,
    pub progress: Progress,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was done, if there are outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    pub rows: u64,
    pub bad: u64,
    /// The part of the files that was read, where their size is known.
    pub fraction: Option<f64>,
    pub rows_per_second: Option<f64>,
    pub remaining_seconds: Option<f64>,
}

impl Progress {
    pub(super) fn at_rest(rows: u64, bad: u64) -> Self {
        Self { rows, bad, fraction: None, rows_per_second: None, remaining_seconds: None }
    }
}

impl Status {
    /// `progress` says how far it is, if it is running.
    pub(super) fn new(record: Record, progress: impl FnOnce(bool) -> Progress) -> Self {
        let mut progress = progress(record.state == State::Running);
        if record.state == State::Succeeded {
            progress.fraction = Some(1.0);
        }
        let (version, sha256) = record.began.map(|began| (began.version, began.sha256)).unzip();
        Self {
            id: record.id,
            state: record.state,
            request: record.request,
            schedule: record.schedule,
            attempts: record.attempts,
            version,
            sha256,
            created: text(record.created),
            started: record.started.map(text),
            ended: record.ended.map(text),
            progress,
            error: record.error,
            summary: record.summary,
        }
    }
}

/// As RFC 3339 has it, always with milliseconds, so that the texts have the order of the times.
fn text(moment: Moment) -> String {
    let time = Timestamp::from_millisecond(moment);
    time.map_or_else(|_| moment.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn times_as_texts_have_their_order() {
        let moments = [1_795_767_631_000, 1_795_767_631_020, 1_795_767_631_021, 1_795_767_631_100];
        let texts = moments.map(text);
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[1], "2026-11-27T08:20:31.020Z");
    }
}
