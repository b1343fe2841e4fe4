//! All jobs and what happens to them. Whatever changes a job passes through here. What is asked for,
//! and how a job ends, is on the disk before anybody hears of it.
//!
//! No lock that reading takes is held over the disk: the threads that run jobs have the lowest
//! priority, and would have everybody wait for theirs.

mod asked;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::entry::Entry;
use super::metrics::Metrics;
use super::record::{Began, Moment, Record, Scheduled, State, moment, now};
use super::status::Status;
use super::store::{Hold, Store};
use super::{Config, Refused};
use crate::batch::Summary;

pub(super) struct Board {
    /// Whoever asks for a change has it until that is on the disk. Taken before `inner`, and never
    /// by threads that run jobs: while a job runs, only its thread writes it.
    turn: Mutex<()>,
    inner: Mutex<Inner>,
    /// There is work, or will never be again.
    changed: Condvar,
    pub(super) store: Store,
    pub(super) metrics: Metrics,
    most_waiting: usize,
    most_ended: usize,
    /// Jobs that run now, and whether all are told to stop.
    running: watch::Sender<(usize, bool)>,
}

#[derive(Default)]
struct Inner {
    /// By id: the newest last.
    jobs: BTreeMap<String, Arc<Entry>>,
    waiting: VecDeque<Arc<Entry>>,
    /// Ids of those that have ended, in that order.
    ended: VecDeque<String>,
    /// Runs of which schedules still need the jobs; none before the schedules have said so.
    awaited: Option<Vec<Scheduled>>,
    /// That the last id was made of.
    last: Moment,
    stopping: bool,
    /// Without it the jobs are another server's.
    hold: Option<Hold>,
}

/// How an attempt ended.
pub(super) enum End {
    Succeeded(Box<Summary>),
    /// The outputs are complete, and their data is not what it should be.
    Drifted(Box<Summary>, String),
    Failed(String),
    /// It was told to.
    Stopped,
}

impl Board {
    pub(super) fn new(config: &Config, store: Store, metrics: Metrics) -> Self {
        Self {
            turn: Mutex::default(),
            inner: Mutex::default(),
            changed: Condvar::new(),
            store,
            metrics,
            most_waiting: config.queue,
            most_ended: config.history,
            running: watch::Sender::new((0, false)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what an earlier process has left. Whether the jobs are this server's now.
    pub(super) fn take_over(&self) -> io::Result<bool> {
        let Some(hold) = self.store.hold()? else { return Ok(false) };
        let records = self.store.load(&hold)?;
        let mut inner = self.lock();
        let mut ended = Vec::new();
        for mut record in records {
            if record.state == State::Running {
                record.state = State::Waiting;
            }
            if record.state.has_ended() {
                ended.push((record.ended, record.id.clone()));
            }
            // The clock may have been set back since.
            inner.last = moment(&record.id).unwrap_or_default().max(inner.last);
            let entry = Arc::new(Entry::new(record));
            if entry.record().state == State::Waiting {
                inner.waiting.push_back(Arc::clone(&entry));
            }
            inner.jobs.insert(entry.id.clone(), entry);
        }
        ended.sort();
        inner.ended = ended.into_iter().map(|(_, id)| id).collect();
        inner.hold = Some(hold);
        self.count(&inner);
        self.changed.notify_all();
        Ok(true)
    }

    /// Waits up to this long; whether there is to be no more work.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let inner = self.lock();
        let waited = self.changed.wait_timeout_while(inner, time, |inner| !inner.stopping);
        waited.map_or(true, |(inner, _)| inner.stopping)
    }

    /// The board, if jobs can be changed.
    fn open(&self) -> Result<MutexGuard<'_, Inner>, Refused> {
        let inner = self.lock();
        if inner.stopping {
            return Err(Refused::ShuttingDown);
        }
        if inner.hold.is_none() {
            return Err(Refused::Held);
        }
        Ok(inner)
    }

    /// The next job, which now runs; none once it is over.
    pub(super) fn next(&self) -> Option<Arc<Entry>> {
        let entry = self.begin()?;
        // If the process ends before this is written, the job begins once more.
        let record = entry.record().clone();
        self.save(&record);
        entry.tell();
        Some(entry)
    }

    fn begin(&self) -> Option<Arc<Entry>> {
        let mut inner = self.lock();
        loop {
            if inner.stopping {
                return None;
            }
            if let Some(entry) = inner.waiting.pop_front() {
                {
                    let mut record = entry.record();
                    record.state = State::Running;
                    record.attempts += 1;
                    record.started = Some(now());
                    (record.ended, record.error) = (None, None);
                }
                self.count(&inner);
                self.running.send_modify(|(running, _)| *running += 1);
                return Some(entry);
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes which model a job runs with. Whether it is another than before.
    pub(super) fn began(&self, entry: &Entry, began: Began) -> bool {
        let (record, is_other) = {
            let mut record = entry.record();
            let is_other = record.began.as_ref().is_some_and(|before| *before != began);
            record.began = Some(began);
            (record.clone(), is_other)
        };
        self.save(&record);
        is_other
    }

    pub(super) fn ended(&self, entry: &Arc<Entry>, end: End, took: Duration) {
        let mut record = entry.record().clone();
        (record.rows, record.bad) = entry.done();
        record.state = match end {
            End::Succeeded(summary) => {
                record.summary = Some(*summary);
                State::Succeeded
            }
            End::Drifted(summary, reason) => {
                (record.summary, record.error) = (Some(*summary), Some(reason));
                State::Failed
            }
            End::Failed(reason) => {
                record.error = Some(reason);
                State::Failed
            }
            End::Stopped if entry.is_cancelled() => State::Cancelled,
            // The next process goes on with it.
            End::Stopped => State::Waiting,
        };
        record.ended = record.state.has_ended().then(now);
        self.save(&record);
        self.metrics.attempt(record.state, took);
        let forgotten = {
            let mut inner = self.lock();
            entry.has_stopped();
            let forgotten = self.apply(&mut inner, entry, record);
            self.running.send_modify(|(running, _)| *running -= 1);
            forgotten
        };
        entry.tell();
        self.remove(&forgotten);
    }

    /// What was written of a job is so from now on. Those that are forgotten for it, to be removed
    /// without the lock.
    fn apply(&self, inner: &mut Inner, entry: &Arc<Entry>, record: Record) -> Vec<String> {
        if record.state.has_ended() {
            inner.ended.push_back(record.id.clone());
        }
        *entry.record() = record;
        let forgotten = inner.forget(self.most_ended);
        self.count(inner);
        forgotten
    }

    pub(super) fn find(&self, id: &str) -> Result<Arc<Entry>, Refused> {
        let inner = self.lock();
        if inner.hold.is_none() {
            return Err(Refused::Held);
        }
        inner.find(id)
    }

    /// The newest job that a schedule asked for, and that fits.
    pub(super) fn scheduled(&self, fits: impl Fn(&Scheduled) -> bool) -> Option<Status> {
        let entries: Vec<_> = self.lock().jobs.values().rev().cloned().collect();
        let is_it = |entry: &Arc<Entry>| entry.record().schedule.as_ref().is_some_and(&fits);
        entries.into_iter().find(is_it).map(|entry| entry.status())
    }

    /// Whether the jobs are this server's.
    pub(super) fn is_held(&self) -> bool {
        self.lock().hold.is_some()
    }

    /// The newest first.
    pub(super) fn list(&self, state: Option<State>, most: usize) -> Vec<Status> {
        let entries: Vec<_> = self.lock().jobs.values().rev().cloned().collect();
        let fits = |entry: &Arc<Entry>| state.is_none_or(|state| entry.record().state == state);
        entries.into_iter().filter(fits).take(most).map(|entry| entry.status()).collect()
    }

    /// Nothing begins any more, and what runs ends soon.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        inner.jobs.values().for_each(|entry| entry.stop());
        self.changed.notify_all();
        self.running.send_modify(|(_, stopping)| *stopping = true);
    }

    /// How many jobs run, and whether that is the end.
    pub(super) fn running(&self) -> watch::Receiver<(usize, bool)> {
        self.running.subscribe()
    }

    /// From now on the jobs of these runs are kept, and those of others forgotten in their turn.
    pub(super) fn awaits(&self, awaited: Vec<Scheduled>) {
        self.lock().awaited = Some(awaited);
    }

    /// Forgets what is too much.
    pub(super) fn tidy(&self) {
        let forgotten = {
            let mut inner = self.lock();
            let forgotten = inner.forget(self.most_ended);
            self.count(&inner);
            forgotten
        };
        self.remove(&forgotten);
    }

    /// Removes what forgotten jobs have left: much, maybe.
    fn remove(&self, forgotten: &[String]) {
        for id in forgotten {
            if let Err(error) = self.store.remove(id) {
                tracing::warn!(job.id = id, error = %error, "what a job has left cannot be removed");
            }
        }
    }

    fn count(&self, inner: &Inner) {
        let states: Vec<State> = inner.jobs.values().map(|entry| entry.record().state).collect();
        self.metrics.states(|state| states.iter().filter(|own| **own == state).count());
    }

    /// Where nobody can be told any more.
    fn save(&self, record: &Record) {
        if let Err(error) = self.store.save(record) {
            tracing::warn!(job.id = record.id, error = %error, "a job cannot be saved");
        }
    }
}

impl Inner {
    fn find(&self, id: &str) -> Result<Arc<Entry>, Refused> {
        self.jobs.get(id).cloned().ok_or_else(|| Refused::Unknown(id.to_owned()))
    }

    /// Forgets those that ended first, as many as are too many beside those that schedules await.
    fn forget(&mut self, most: usize) -> Vec<String> {
        let is_free = |id: &&String| !self.is_awaited(id);
        let free: Vec<String> = self.ended.iter().filter(is_free).cloned().collect();
        let too_many = free.len().saturating_sub(most);
        let forgotten: Vec<String> = free.into_iter().take(too_many).collect();
        self.ended.retain(|id| !forgotten.contains(id));
        self.jobs.retain(|id, _| !forgotten.contains(id));
        forgotten
    }

    fn is_awaited(&self, id: &str) -> bool {
        let Some(entry) = self.jobs.get(id) else { return false };
        let record = entry.record();
        let is_it = |run: &Scheduled| self.awaited.as_ref().is_none_or(|all| all.contains(run));
        record.schedule.as_ref().is_some_and(is_it)
    }
}
