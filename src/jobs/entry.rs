//! One job in memory: what is known of it, how far it is, and what its thread is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::metrics::Metrics;
use super::record::{Began, Record};
use super::status::{Progress, Status};
use crate::batch::{self, Watcher};

pub(super) struct Entry {
    pub(super) id: String,
    record: Mutex<Record>,
    live: Mutex<Live>,
    /// Whoever runs it is to end.
    stop: AtomicBool,
    /// And somebody asked for just that.
    cancelled: AtomicBool,
    changed: watch::Sender<()>,
}

/// How far the attempt under way is.
#[derive(Debug, Clone, Copy)]
struct Live {
    since: Instant,
    /// What was done when it began.
    rows_before: u64,
    fraction_before: Option<f64>,
    rows: u64,
    bad: u64,
    fraction: Option<f64>,
}

impl Live {
    fn new(rows: u64, bad: u64) -> Self {
        let since = Instant::now();
        Self { since, rows_before: rows, fraction_before: None, rows, bad, fraction: None }
    }

    #[expect(clippy::cast_precision_loss, reason = "rates are for people")]
    fn progress(&self) -> Progress {
        let seconds = self.since.elapsed().as_secs_f64();
        let done = self.rows.saturating_sub(self.rows_before);
        let rate = (done > 0).then(|| done as f64 / seconds.max(1e-3));
        let remaining = self.fraction.zip(self.fraction_before).and_then(|(now, before)| {
            (now > before).then(|| seconds * (1.0 - now) / (now - before))
        });
        Progress {
            rows: self.rows,
            bad: self.bad,
            fraction: self.fraction,
            rows_per_second: rate,
            remaining_seconds: remaining,
        }
    }
}

impl Entry {
    pub(super) fn new(record: Record) -> Self {
        let live = Live::new(record.rows, record.bad);
        Self {
            id: record.id.clone(),
            record: Mutex::new(record),
            live: Mutex::new(live),
            stop: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            changed: watch::Sender::new(()),
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> Status {
        let record = self.record().clone();
        let live = *self.live();
        Status::new(record, |running| {
            if running { live.progress() } else { Progress::at_rest(live.rows, live.bad) }
        })
    }

    /// Resolves after each change.
    pub(super) fn follow(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn tell(&self) {
        self.changed.send_replace(());
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.stop();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Nobody runs it any more.
    pub(super) fn has_stopped(&self) {
        self.cancelled.store(false, Ordering::Relaxed);
        self.stop.store(false, Ordering::Relaxed);
    }

    /// The model that it was begun with.
    pub(super) fn began(&self) -> Option<Began> {
        self.record().began.clone()
    }

    /// What is done so far: rows, and bad ones among them.
    pub(super) fn done(&self) -> (u64, u64) {
        let live = self.live();
        (live.rows, live.bad)
    }

    /// It begins from nothing.
    pub(super) fn begins_anew(&self) {
        *self.live() = Live::new(0, 0);
    }
}

/// Tells the entry how far the run is.
pub(super) struct Watch<'a> {
    pub(super) entry: &'a Entry,
    pub(super) metrics: &'a Metrics,
}

impl Watcher for Watch<'_> {
    fn resumed(&self, rows: u64) {
        let bad = self.entry.live().bad;
        *self.entry.live() = Live::new(rows, if rows == 0 { 0 } else { bad });
        self.entry.tell();
    }

    fn at(&self, progress: &batch::Progress) {
        let (rows, bad) = {
            let mut live = self.entry.live();
            let more =
                (progress.rows.saturating_sub(live.rows), progress.bad.saturating_sub(live.bad));
            if live.fraction_before.is_none() {
                live.fraction_before =
                    if live.rows_before == 0 { Some(0.0) } else { progress.fraction };
            }
            (live.rows, live.bad, live.fraction) = (progress.rows, progress.bad, progress.fraction);
            more
        };
        self.metrics.rows(rows.saturating_sub(bad), bad);
        self.entry.tell();
        // The thread that writes gives way, too.
        crate::courtesy::point();
    }

    fn is_cancelled(&self) -> bool {
        self.entry.is_stopped()
    }
}
