//! What requests add to the model version that answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use prometheus::local::{LocalHistogram, LocalIntCounter};

use super::health::Health;
use super::labels::{Outcome, Protocol, Stage};
use super::latencies::Latencies;
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
    /// Rows of files that were scored.
    pub(super) scored_rows: u64,
    pub(super) totals: Totals,
    pub(super) health: Health,
}

/// All that was added to the counts of a version until now. What happened between two looks is
/// the difference of theirs.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// Requests and files that ended, however they did.
    pub ended: u64,
    /// Requests that failed although nothing was wrong with them: an operator failed, the deadline
    /// passed, the queue was full.
    pub failed: u64,
    /// Those of them that were turned away by the queue.
    pub turned_away: u64,
    /// Rows that were answered, those of files among them.
    pub rows: u64,
    /// Of requests that were answered, files aside.
    pub totals: Totals,
    pub latencies: Latencies,
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

    /// When counting began: of two that are called alike, later files have another beginning.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
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
            part.scored_rows += rows;
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

    /// Requests that are being worked on.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // Those that ended come first: what ends meanwhile is still in flight, and none ends
        // before it began.
        let (mut ended, mut began) = (0, 0);
        self.parts.each(|part| ended += part.ended);
        self.parts.each(|part| began += part.began);
        u64::try_from(began - ended).unwrap_or(0)
    }

    /// All of it. What is counted in a thread is only read, so requests do not notice.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let (mut sums, mut health, mut scored, mut ended) =
            (Sums::default(), Health::default(), 0, 0);
        self.parts.each(|part| {
            ended += part.ended;
            scored += part.scored_rows;
            sums.totals.merge(&part.totals);
            health.merge(&part.health);
        });
        sums.ended = u64::try_from(ended).unwrap_or(0);
        sums.rows = sums.totals.inferences + scored;
        sums.failed = health.failed;
        sums.turned_away = health.turned_away;
        sums.latencies = health.latencies;
        sums
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
        let now = i64::try_from(self.in_flight()).unwrap_or(i64::MAX);
        self.in_flight.add(now - self.settled.swap(now, Ordering::Relaxed));
    }
}

impl Drop for Counts {
    /// What the last requests added.
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Registry;
    use crate::registry::Metrics;

    const MS: Duration = Duration::from_millis(1);

    fn success(rows: usize) -> Success {
        Success { rows, batch_rows: rows, total: MS, queue: MS, decode: MS, infer: MS, encode: MS }
    }

    #[test]
    fn sums_are_of_all_threads_and_reading_them_takes_nothing_from_the_page() {
        let registry = Registry::without_process();
        let counts = Metrics::new(&registry).version("m", "1");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    counts.began();
                    counts.answered(Protocol::V2, &success(3));
                    counts.began();
                    counts.failed(Protocol::V2, Outcome::Overloaded, MS);
                    counts.began();
                    counts.failed(Protocol::V1, Outcome::Invalid, MS);
                    counts.began();
                });
            }
        });
        counts.began();
        counts.scored(100, MS);
        let sums = counts.sums();
        assert_eq!((sums.ended, sums.failed, sums.turned_away), (25, 8, 8));
        assert_eq!((sums.rows, sums.totals.inferences), (124, 24));
        assert_eq!((sums.latencies.total(), counts.in_flight()), (8, 8));
        assert!((sums.totals.runs() - 8.0).abs() < 1e-9);
        let page = String::from_utf8(registry.text()).unwrap();
        let ok = r#"onnxd_requests_total{model="m",outcome="ok",protocol="v2",version="1"} 8"#;
        assert!(page.contains(ok) && page.contains("onnxd_in_flight{model=\"m\",version=\"1\"} 8"));
        assert_eq!(counts.sums().ended, 25);
    }

    #[test]
    fn the_sums_of_fifty_versions_take_a_moment() {
        let metrics = Metrics::new(&Registry::without_process());
        let all: Vec<_> = (0..50).map(|model| metrics.version(&model.to_string(), "1")).collect();
        for counts in &all {
            counts.answered(Protocol::V2, &success(1));
        }
        let began = Instant::now();
        let ended: u64 = all.iter().map(|counts| counts.sums().ended).sum();
        let took = began.elapsed();
        assert_eq!(ended, 50);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}
