//! All jobs and what happens to them. Whatever changes a job passes through here, is on the disk
//! before anybody hears of it, and happens one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::entry::Entry;
use super::metrics::Metrics;
use super::record::{Began, Moment, Record, Scheduled, State, now};
use super::request::Request;
use super::status::Status;
use super::store::{Hold, Store};
use super::{Config, Refused};
use crate::batch::Summary;

pub(super) struct Board {
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

    /// Takes over what an earlier process has left. Whether the jobs are this server's now.
    pub(super) fn take_over(&self) -> io::Result<bool> {
        let Some(hold) = self.store.hold()? else { return Ok(false) };
        let records = self.store.load()?;
        let mut inner = self.lock();
        for mut record in records {
            if record.state == State::Running {
                record.state = State::Waiting;
            }
            let entry = Arc::new(Entry::new(record));
            if entry.record().state == State::Waiting {
                inner.waiting.push_back(Arc::clone(&entry));
            }
            inner.jobs.insert(entry.id.clone(), entry);
        }
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

    pub(super) fn submit(
        &self,
        request: Request,
        schedule: Option<Scheduled>,
    ) -> Result<Arc<Entry>, Refused> {
        let mut inner = self.open()?;
        if inner.waiting.len() >= self.most_waiting {
            return Err(Refused::Full { limit: self.most_waiting });
        }
        // Ids are in the order of time, also if the clock is set back.
        inner.last = now().max(inner.last + 1);
        while inner.jobs.contains_key(&id(inner.last)) {
            inner.last += 1;
        }
        let entry = Arc::new(Entry::new(Record::new(id(inner.last), request, schedule)));
        self.store.save(&entry.record()).map_err(unwritten)?;
        inner.jobs.insert(entry.id.clone(), Arc::clone(&entry));
        self.wait(&mut inner, &entry);
        Ok(entry)
    }

    fn wait(&self, inner: &mut Inner, entry: &Arc<Entry>) {
        inner.waiting.push_back(Arc::clone(entry));
        self.count(inner);
        self.changed.notify_all();
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
                    self.save(&record);
                }
                self.count(&inner);
                self.running.send_modify(|(running, _)| *running += 1);
                entry.tell();
                return Some(entry);
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes which model a job runs with. Whether it is another than before.
    pub(super) fn began(&self, entry: &Entry, began: Began) -> bool {
        let mut record = entry.record();
        let is_other = record.began.as_ref().is_some_and(|before| *before != began);
        record.began = Some(began);
        self.save(&record);
        is_other
    }

    pub(super) fn ended(&self, entry: &Arc<Entry>, end: End, took: Duration) {
        let mut inner = self.lock();
        let state = {
            let mut record = entry.record();
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
            record.state
        };
        entry.has_stopped();
        self.metrics.attempt(state, took);
        self.forget(&mut inner);
        self.count(&inner);
        self.running.send_modify(|(running, _)| *running -= 1);
        entry.tell();
    }

    /// Ends a job that waits or runs, or forgets one that has ended. What is left of it, if it is
    /// still there.
    pub(super) fn cancel(&self, id: &str) -> Result<Option<Status>, Refused> {
        let mut inner = self.open()?;
        let entry = inner.find(id)?;
        let state = entry.record().state;
        match state {
            State::Waiting => {
                inner.waiting.retain(|waiting| waiting.id != id);
                {
                    let mut record = entry.record();
                    (record.state, record.ended) = (State::Cancelled, Some(now()));
                    self.save(&record);
                }
                self.forget(&mut inner);
                self.count(&inner);
                entry.tell();
            }
            State::Running => entry.cancel(),
            State::Succeeded | State::Failed | State::Cancelled => {
                self.remove(&mut inner, id);
                self.count(&inner);
                return Ok(None);
            }
        }
        Ok(Some(entry.status()))
    }

    /// Has a job that failed or was cancelled go on.
    pub(super) fn retry(&self, id: &str) -> Result<Status, Refused> {
        let mut inner = self.open()?;
        let entry = inner.find(id)?;
        {
            let mut record = entry.record();
            match record.state {
                State::Failed | State::Cancelled => {}
                state => {
                    let state = state.as_str();
                    return Err(Refused::Conflict(format!(
                        "job {id} is {state}, only failed and cancelled ones can be tried again"
                    )));
                }
            }
            if inner.waiting.len() >= self.most_waiting {
                return Err(Refused::Full { limit: self.most_waiting });
            }
            let waiting =
                Record { state: State::Waiting, ended: None, error: None, ..record.clone() };
            self.store.save(&waiting).map_err(unwritten)?;
            *record = waiting;
        }
        self.wait(&mut inner, &entry);
        entry.tell();
        Ok(entry.status())
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

    /// Forgets the oldest that have ended, as many as are too many.
    fn forget(&self, inner: &mut Inner) {
        let ended = inner.jobs.values().filter(|entry| entry.record().state.has_ended());
        let ended: Vec<String> = ended.map(|entry| entry.id.clone()).collect();
        let too_many = ended.len().saturating_sub(self.most_ended);
        ended.iter().take(too_many).for_each(|id| self.remove(inner, id));
    }

    fn remove(&self, inner: &mut Inner, id: &str) {
        inner.jobs.remove(id);
        if let Err(error) = self.store.remove(id) {
            tracing::warn!(job.id = id, error = %error, "what a job has left cannot be removed");
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
}

fn id(moment: Moment) -> String {
    format!("{moment:011x}")
}

fn unwritten(error: io::Error) -> Refused {
    Refused::Store(error.to_string())
}
