//! The threads that load models, so many at a time, behind those that serve.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::lifecycle::{Refused, Ticket};
use super::load::{Loaded, Loader};
use super::owner::Event;
use super::reconcile::Load;
use crate::courtesy::{Loading, step_back};

/// A version on its way.
pub(super) struct Job {
    pub(super) load: Load,
    pub(super) ticket: Arc<Ticket>,
}

/// What became of it.
pub(super) struct Finished {
    pub(super) job: Job,
    pub(super) result: Result<Loaded, Refused>,
}

/// The threads end when this is dropped, each after the load that it is at.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job that is still wanted; none when there will be no more.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            match waiting.jobs.pop_front() {
                Some(job) if job.ticket.is_cancelled() => {}
                Some(job) => return Some(job),
                None => {
                    waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl Pool {
    /// # Errors
    /// If the system refuses a thread.
    pub(super) fn start(
        (threads, share): (usize, f64),
        loader: &Arc<Loader>,
        events: &Sender<Event>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() });
        let pool = Self(Arc::clone(&shared));
        let loading = Loading::new(share);
        for _ in 0..threads.max(1) {
            let (shared, loader, events) =
                (Arc::clone(&shared), Arc::clone(loader), events.clone());
            let loading = Arc::clone(&loading);
            thread::Builder::new().name("loader".to_owned()).spawn(move || {
                step_back();
                while let Some(job) = shared.next() {
                    let result = loading.run(|| loader.load(&job.load, &job.ticket));
                    // Without an owner nobody wants the result.
                    let _ = events.send(Event::Finished(Box::new(Finished { job, result })));
                }
            })?;
        }
        Ok(pool)
    }

    pub(super) fn add(&self, job: Job) {
        self.0.lock().jobs.push_back(job);
        self.0.changed.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}
