//! Accounts for one request: counters, histograms, statistics.

use std::sync::Arc;
use std::time::Instant;

use crate::registry::{LiveModel, Metrics, Outcome, Protocol, Refusal, Success};
use crate::scheduler::Answer;
use crate::telemetry::{Record, Stages, Timed};

/// Follows a request to its end. A request whose handler is dropped before
/// [`Watch::answered`] or [`Watch::failed`] counts as cancelled: its caller went away.
pub struct Watch {
    metrics: Metrics,
    protocol: Protocol,
    started: Instant,
    live: Option<Arc<LiveModel>>,
    /// Of a request that is followed.
    record: Option<Record>,
    ended: bool,
}

/// Time spent around the run.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    pub decode: Timed,
    pub encode: Timed,
}

impl Watch {
    pub(super) fn start(metrics: Metrics, protocol: Protocol, record: Option<Record>) -> Self {
        let started = Instant::now();
        Self { metrics, protocol, started, live: None, record, ended: false }
    }

    /// When the request's head arrived.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Where what becomes known of a request goes, if it is followed.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The request goes to this version.
    pub fn resolved(&mut self, live: &Arc<LiveModel>) {
        live.counts.began();
        live.asked.at(Instant::now());
        if let Some(record) = &self.record {
            record.resolved(&live.name, live.version);
        }
        self.live = Some(Arc::clone(live));
    }

    /// The request has its answer.
    pub fn answered(&mut self, answer: &Answer, rows: usize, codec: Codec) {
        let Some(live) = &self.live else { return };
        self.ended = true;
        let batch_rows = answer.batch_rows.unwrap_or(rows);
        live.counts.answered(
            self.protocol,
            &Success {
                rows,
                batch_rows,
                total: self.started.elapsed(),
                queue: answer.queued,
                decode: codec.decode.took,
                infer: answer.infer,
                encode: codec.encode.took,
            },
        );
        if let Some(record) = &self.record {
            let Codec { decode, encode } = codec;
            let queue = Timed { started: answer.arrived, took: answer.queued };
            let began = answer.arrived + answer.queued;
            let took = answer.ended.saturating_duration_since(began);
            let infer = Timed { started: began, took };
            record.answered(rows, Stages { decode, queue, infer, encode, batch_rows });
        }
    }

    /// The file that came with the request was scored to its end.
    pub fn scored(&mut self, rows: u64) {
        let Some(live) = &self.live else { return };
        self.ended = true;
        live.counts.scored(rows, self.started.elapsed());
    }

    /// The request failed; `refusal` says so if it was merely turned away.
    pub fn failed(&mut self, outcome: Outcome, refusal: Option<Refusal>) {
        if let Some(refusal) = refusal {
            self.metrics.rejected(refusal);
        }
        self.ended = true;
        if let Some(record) = &self.record {
            record.failed(outcome.as_str());
        }
        match &self.live {
            Some(live) => live.counts.failed(self.protocol, outcome, self.started.elapsed()),
            None => self.metrics.unresolved(self.protocol, outcome),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.failed(Outcome::Cancelled, None);
        }
    }
}
