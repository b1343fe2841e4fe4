//! The threads of a job: one cuts, several score pieces, and the one that called takes what they made,
//! in order. A bounded number of tasks is under way, so memory does not grow with the files.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::error::Error;
use super::gather::{Gathered, Unit};
use super::score::{Scored, Scoring};
use crate::courtesy;

/// Runs all tasks. `next` reads one, on a thread of its own, gives its pieces away and says its number;
/// `take` gets what was made of them, in their order, on this one, and why there will be no more. `first`
/// is the number of the first task.
pub(super) fn run<'a>(
    scoring: &Scoring<'_>,
    threads: usize,
    first: u64,
    next: impl FnMut(&mut dyn FnMut(Unit<'a>)) -> Result<Option<u64>, Error> + Send,
    mut take: impl FnMut(Result<Scored, Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let threads = threads.max(1);
    // While a slow task is waited for, others are made, but no more than this.
    let most = threads + 2;
    let (permits, permitted) = mpsc::sync_channel::<()>(most);
    // There is room for all of them.
    (0..most).for_each(|_| {
        let _ = permits.try_send(());
    });
    // There are no more than those of the tasks under way.
    let (units, waiting) = mpsc::channel::<Unit>();
    let (done, scored) = mpsc::sync_channel::<Done>(most);
    let waiting = Mutex::new(waiting);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Goes if `take` panics: the cutter waits for no more permits then, and ends.
        let permits = permits;
        let failed = done.clone();
        let cutter = Cutter { permitted, units, failed, next: first, stop: &stop };
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
        for (number, scored) in scored {
            if result.is_err() {
                continue;
            }
            order.waiting.insert(number, scored);
            while result.is_ok()
                && let Some(scored) = order.next()
            {
                result = take(scored);
                // The cutter may have ended.
                let _ = permits.try_send(());
            }
            stop.store(result.is_err(), Ordering::Relaxed);
            if result.is_err() {
                // It may be waiting for one.
                let _ = permits.try_send(());
            }
        }
        result
    })
}

/// The number of a task and what became of it.
type Done = (u64, Result<Scored, Error>);

struct Cutter<'s, 'a> {
    permitted: Receiver<()>,
    units: Sender<Unit<'a>>,
    failed: SyncSender<Done>,
    /// The number of the next task.
    next: u64,
    stop: &'s AtomicBool,
}

impl<'a> Cutter<'_, 'a> {
    fn run(mut self, mut next: impl FnMut(&mut dyn FnMut(Unit<'a>)) -> Result<Option<u64>, Error>) {
        // The other end lives as long as the scope.
        let mut give = |unit| self.units.send(unit).unwrap_or_default();
        while self.permitted.recv().is_ok() && !self.stop.load(Ordering::Relaxed) {
            match unbroken("reading", || next(&mut give)) {
                Ok(Some(number)) => {
                    self.next = number + 1;
                    courtesy::point();
                }
                Ok(None) => return,
                Err(error) => {
                    let _ = self.failed.send((self.next, Err(error)));
                    return;
                }
            }
        }
    }
}

fn work(
    scoring: &Scoring,
    waiting: &Mutex<Receiver<Unit>>,
    done: &SyncSender<Done>,
    stop: &AtomicBool,
) {
    loop {
        let unit = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Unit { pieces, place }) = unit else { return };
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        let part = || unbroken("a task", || scoring.part(pieces));
        if let Some(Gathered { goal, parts }) = place.fill(part) {
            let scored = parts.and_then(|parts| unbroken("a task", || scoring.whole(goal, parts)));
            if done.send((goal.number, scored)).is_err() {
                return;
            }
        }
        courtesy::point();
    }
}

/// What the work gives; a panic is an error of its task alone.
fn unbroken<T>(what: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(Error::Internal(format!("{what} broke off"))))
}

/// Puts what comes in any order back into its own. Failures wait for their turn, too: what came
/// before one is written, and the first of several is told.
struct Order {
    next: u64,
    waiting: BTreeMap<u64, Result<Scored, Error>>,
}

impl Order {
    fn next(&mut self) -> Option<Result<Scored, Error>> {
        let scored = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(scored)
    }
}
