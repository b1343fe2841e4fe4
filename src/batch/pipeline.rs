//! The threads of a job: one cuts, several score, and the one that called takes what they made, in
//! order. A bounded number of tasks is under way, so memory does not grow with the files.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::error::Error;
use super::read::Task;
use super::score::{Scored, Scoring};
use crate::courtesy;

/// Runs all tasks. `next` gives them, on a thread of its own; `take` gets what was made of them, in
/// their order, on this one, and why there will be no more. `first` is the number of the first task.
pub(super) fn run<'a>(
    scoring: &Scoring<'_>,
    threads: usize,
    first: u64,
    next: impl FnMut() -> Result<Option<Task<'a>>, Error> + Send,
    mut take: impl FnMut(Result<Scored, Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let threads = threads.max(1);
    // While a slow task is waited for, others are made, but no more than this.
    let most = 2 * threads + 2;
    let (permits, permitted) = mpsc::sync_channel::<()>(most);
    // There is room for all of them.
    (0..most).for_each(|_| {
        let _ = permits.try_send(());
    });
    let (tasks, waiting) = mpsc::sync_channel::<Task>(most);
    let (done, scored) = mpsc::sync_channel::<Result<Scored, Error>>(most);
    let waiting = Mutex::new(waiting);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let failed = done.clone();
        let cutter = Cutter { permitted, tasks, failed, stop: &stop };
        let mut cut = Some((cutter, next));
        scope.spawn(move || {
            scoring.model.work(&mut || {
                if let Some((cutter, next)) = cut.take() {
                    cutter.run(next);
                }
            });
        });
        for _ in 0..threads {
            let (waiting, done, stop) = (&waiting, done.clone(), &stop);
            let work = move || scoring.model.work(&mut || work(scoring, waiting, &done, stop));
            scope.spawn(work);
        }
        drop(done);
        let mut order = Order { next: first, waiting: BTreeMap::new() };
        let mut result = Ok(());
        for scored in scored {
            if result.is_err() {
                continue;
            }
            result = match scored {
                Err(error) => take(Err(error)),
                Ok(scored) => order.add(scored, |scored| {
                    take(Ok(scored))?;
                    // The cutter may have ended.
                    let _ = permits.try_send(());
                    Ok(())
                }),
            };
            stop.store(result.is_err(), Ordering::Relaxed);
            if result.is_err() {
                // It may be waiting for one.
                let _ = permits.try_send(());
            }
        }
        result
    })
}

struct Cutter<'s, 'a> {
    permitted: Receiver<()>,
    tasks: SyncSender<Task<'a>>,
    failed: SyncSender<Result<Scored, Error>>,
    stop: &'s AtomicBool,
}

impl<'a> Cutter<'_, 'a> {
    fn run(self, mut next: impl FnMut() -> Result<Option<Task<'a>>, Error>) {
        while self.permitted.recv().is_ok() && !self.stop.load(Ordering::Relaxed) {
            let task = panic::catch_unwind(AssertUnwindSafe(&mut next));
            match task.unwrap_or_else(|_| Err(Error::Internal("reading broke off".to_owned()))) {
                Ok(Some(task)) => {
                    if self.tasks.send(task).is_err() {
                        return;
                    }
                    courtesy::point();
                }
                Ok(None) => return,
                Err(error) => {
                    let _ = self.failed.send(Err(error));
                    return;
                }
            }
        }
    }
}

fn work(
    scoring: &Scoring,
    waiting: &Mutex<Receiver<Task>>,
    done: &SyncSender<Result<Scored, Error>>,
    stop: &AtomicBool,
) {
    loop {
        let task = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        let scored = panic::catch_unwind(AssertUnwindSafe(|| scoring.score(task)));
        let scored = scored.unwrap_or_else(|_| Err(Error::Internal("a task broke off".to_owned())));
        if done.send(scored).is_err() {
            return;
        }
        courtesy::point();
    }
}

/// Puts what comes in any order back into its own.
struct Order {
    next: u64,
    waiting: BTreeMap<u64, Scored>,
}

impl Order {
    /// Gives on what is next now.
    fn add(
        &mut self,
        scored: Scored,
        mut take: impl FnMut(Scored) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.waiting.insert(scored.number, scored);
        while let Some(scored) = self.next() {
            take(scored)?;
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Scored> {
        let scored = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(scored)
    }
}
