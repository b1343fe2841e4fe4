//! What callers ask for, each in its turn.

use std::io;
use std::sync::Arc;

use super::{Board, Inner};
use crate::jobs::Refused;
use crate::jobs::entry::Entry;
use crate::jobs::record::{Record, Scheduled, State, id, now};
use crate::jobs::request::Request;
use crate::jobs::status::Status;

impl Board {
    pub(in crate::jobs) fn submit(
        &self,
        request: Request,
        schedule: Option<Scheduled>,
    ) -> Result<Arc<Entry>, Refused> {
        let _turn = self.turn();
        let record = {
            let mut inner = self.open()?;
            self.room(&inner)?;
            // Ids are in the order of time, also if the clock is set back.
            inner.last = now().max(inner.last + 1);
            while inner.jobs.contains_key(&id(inner.last)) {
                inner.last += 1;
            }
            Record::new(id(inner.last), request, schedule)
        };
        if let Err(error) = self.store.save(&record) {
            let _ = self.store.remove(&record.id);
            return Err(unwritten(&record.id, &error));
        }
        let entry = Arc::new(Entry::new(record));
        let mut inner = self.lock();
        inner.jobs.insert(entry.id.clone(), Arc::clone(&entry));
        self.wait(&mut inner, &entry);
        Ok(entry)
    }

    fn room(&self, inner: &Inner) -> Result<(), Refused> {
        let limit = self.most_waiting;
        if inner.waiting.len() < limit { Ok(()) } else { Err(Refused::Full { limit }) }
    }

    fn wait(&self, inner: &mut Inner, entry: &Arc<Entry>) {
        inner.waiting.push_back(Arc::clone(entry));
        self.count(inner);
        self.changed.notify_all();
    }

    /// Ends a job that waits or runs. None if it has ended already.
    pub(in crate::jobs) fn cancel(&self, id: &str) -> Result<Option<Status>, Refused> {
        let turn = self.turn();
        let (entry, record) = {
            let mut inner = self.open()?;
            let entry = inner.find(id)?;
            let record = entry.record().clone();
            match record.state {
                State::Waiting => {}
                State::Running => {
                    entry.cancel();
                    return Ok(Some(entry.status()));
                }
                State::Succeeded | State::Failed | State::Cancelled => return Ok(None),
            }
            // From here on no thread finds it.
            inner.waiting.retain(|waiting| waiting.id != id);
            (entry, Record { state: State::Cancelled, ended: Some(now()), ..record })
        };
        self.save(&record);
        let forgotten = self.apply(&mut self.lock(), &entry, record);
        drop(turn);
        entry.tell();
        self.remove(&forgotten);
        Ok(Some(entry.status()))
    }

    /// Forgets a job that has ended, with what it has left. Whether it had ended.
    pub(in crate::jobs) fn discard(&self, id: &str) -> Result<bool, Refused> {
        let turn = self.turn();
        {
            let mut inner = self.open()?;
            if !inner.find(id)?.record().state.has_ended() {
                return Ok(false);
            }
            inner.ended.retain(|ended| ended != id);
            inner.jobs.remove(id);
            self.count(&inner);
        }
        drop(turn);
        self.remove(&[id.to_owned()]);
        Ok(true)
    }

    /// Has a job that failed or was cancelled go on.
    pub(in crate::jobs) fn retry(&self, id: &str) -> Result<Status, Refused> {
        let _turn = self.turn();
        let (entry, record) = {
            let mut inner = self.open()?;
            let entry = inner.find(id)?;
            let record = entry.record().clone();
            if !matches!(record.state, State::Failed | State::Cancelled) {
                let state = record.state.as_str();
                return Err(Refused::Conflict(format!(
                    "job {id} is {state}, only failed and cancelled ones can be tried again"
                )));
            }
            self.room(&inner)?;
            // From here on nobody forgets it.
            inner.ended.retain(|ended| ended != id);
            (entry, Record { state: State::Waiting, ended: None, error: None, ..record })
        };
        if let Err(error) = self.store.save(&record) {
            self.lock().ended.push_back(id.to_owned());
            return Err(unwritten(id, &error));
        }
        {
            let mut inner = self.lock();
            *entry.record() = record;
            self.wait(&mut inner, &entry);
        }
        entry.tell();
        Ok(entry.status())
    }
}

/// Callers need not know where jobs lie.
fn unwritten(id: &str, error: &io::Error) -> Refused {
    tracing::warn!(job.id = id, error = %error, "a job cannot be saved");
    Refused::Store(error.kind().to_string())
}
