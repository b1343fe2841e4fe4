//! What requests add to the model version that answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use prometheus::local::{LocalHistogram, LocalIntCounter};

use super::health::Health;
use super::labels::{Outcome, Protocol, Stage};
use super::statistics::{Success, Totals};
use crate::metrics::{PerThread, Settle, seconds};
use crate::repository::Rollback;

/// The counts of one version. Requests only add, each thread to a part of its own.
pub struct Counts {
    since: Instant,
    parts: PerThread<Part>,
    in_flight: IntGauge,
    /// What of `in_flight` is this version's: files that come back use its series again.
    settled: AtomicI64,
}

/// Series of one version that fill up in one thread, and what only this program reads.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) protocols: [PerProtocol; 4],
    pub(super) stages: [LocalHistogram; 4],
    pub(super) rows: LocalIntCounter,
    /// Requests that began in this thread, and that ended in it.
    pub(super) began: i64,
    pub(super) ended: i64,
    pub(super) totals: Totals,
    pub(super) health: Health,
}

#[derive(Clone)]
pub(super) struct PerProtocol {
    pub(super) outcomes: [LocalIntCounter; 8],
    pub(super) duration: LocalHistogram,
}

impl Counts {
    /// `empty` is what each thread begins with.
    pub(super) fn new(empty: &Part, in_flight: IntGauge) -> Arc<Self> {
        let parts = PerThread::new(|| empty.clone());
        let settled = AtomicI64::new(0);
        Arc::new(Self { since: Instant::now(), parts, in_flight, settled })
    }

    /// A request goes to this version.
    pub fn began(&self) {
        self.parts.with(|part| part.began += 1);
    }

    /// That request was answered.
    pub fn answered(&self, protocol: Protocol, request: &Success) {
        self.parts.with(|part| {
            part.ended(protocol, Outcome::Ok, request.total);
            part.protocols[protocol as usize].duration.observe(seconds(request.total));
            for (stage, took) in [
                (Stage::Decode, request.decode),
                (Stage::Queue, request.queue),
                (Stage::Infer, request.infer),
                (Stage::Encode, request.encode),
            ] {
                part.stages[stage as usize].observe(seconds(took));
            }
            part.rows.inc_by(request.rows as u64);
            part.totals.add_success(request);
        });
    }

    /// That file was scored to its end.
    pub fn scored(&self, rows: u64, took: Duration) {
        self.parts.with(|part| {
            part.ended(Protocol::Score, Outcome::Ok, took);
            part.protocols[Protocol::Score as usize].duration.observe(seconds(took));
            part.rows.inc_by(rows);
        });
    }

    /// That request ended without an answer.
    pub fn failed(&self, protocol: Protocol, outcome: Outcome, took: Duration) {
        self.parts.with(|part| {
            part.ended(protocol, outcome, took);
            part.totals.add_failure(took);
        });
    }

    /// Of all requests so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut all = Totals::default();
        self.parts.each(|part| all.merge(&part.totals));
        all
    }

    /// Which limit the version has broken, in words.
    pub(super) fn broken(&self, limits: &Rollback) -> Option<String> {
        let mut all = Health::default();
        self.parts.each(|part| all.merge(&part.health));
        all.broken(limits, self.since.elapsed())
    }
}

impl Part {
    fn ended(&mut self, protocol: Protocol, outcome: Outcome, took: Duration) {
        self.ended += 1;
        self.protocols[protocol as usize].outcomes[outcome as usize].inc();
        // How long a file takes says nothing of the version.
        if protocol != Protocol::Score {
            self.health.add(outcome, took);
        }
    }
}

impl Settle for Counts {
    fn settle(&self) {
        self.parts.each(|part| {
            for protocol in &part.protocols {
                protocol.outcomes.iter().for_each(LocalIntCounter::flush);
                protocol.duration.flush();
            }
            part.stages.iter().for_each(LocalHistogram::flush);
            part.rows.flush();
        });
        // Those that ended come first: what ends meanwhile is still in flight, and none ends
        // before it began.
        let (mut ended, mut began) = (0, 0);
        self.parts.each(|part| ended += part.ended);
        self.parts.each(|part| began += part.began);
        let now = began - ended;
        self.in_flight.add(now - self.settled.swap(now, Ordering::Relaxed));
    }
}

impl Drop for Counts {
    /// What the last requests added.
    fn drop(&mut self) {
        self.settle();
    }
}
