//! Accounts for one request: counters, histograms, statistics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::registry::{LiveModel, Metrics, Outcome, Protocol, Refusal, Success};
use crate::scheduler::Answer;

/// Follows a request to its end. A request whose handler is dropped before
/// [`Watch::answered`] or [`Watch::failed`] counts as cancelled: its caller went away.
pub struct Watch {
    metrics: Metrics,
    protocol: Protocol,
    started: Instant,
    live: Option<Arc<LiveModel>>,
    ended: bool,
}

/// Time spent around the run.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    pub decode: Duration,
    pub encode: Duration,
}

impl Watch {
    pub(super) fn start(metrics: Metrics, protocol: Protocol) -> Self {
        Self { metrics, protocol, started: Instant::now(), live: None, ended: false }
    }

    /// When the request's head arrived.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The request goes to this version.
    pub fn resolved(&mut self, live: &Arc<LiveModel>) {
        live.counts.began();
        live.asked.at(Instant::now());
        self.live = Some(Arc::clone(live));
    }

    /// The request has its answer.
    pub fn answered(&mut self, answer: &Answer, rows: usize, codec: Codec) {
        let Some(live) = &self.live else { return };
        self.ended = true;
        live.counts.answered(
            self.protocol,
            &Success {
                rows,
                batch_rows: answer.batch_rows.unwrap_or(rows),
                total: self.started.elapsed(),
                queue: answer.queued,
                decode: codec.decode,
                infer: answer.infer,
                encode: codec.encode,
            },
        );
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
