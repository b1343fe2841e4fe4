//! How a long run gives way.
//!
//! A run that is much longer than a request takes otherwise offers its core now and then: to
//! threads that do I/O, and, while the worker that stands by is at work, to that one for as
//! long as it is.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use crate::courtesy::GiveWay;

/// Runs for so long before the core is offered: some times what that costs.
const PIECE: Duration = Duration::from_micros(200);

/// A run stands still for so long even when it has only begun.
const GRACE: Duration = Duration::from_millis(2);

/// Whether the worker that stands by is at work, and who waits for it to end.
#[derive(Default)]
pub(super) struct Precedence {
    works: AtomicBool,
    waiting: Mutex<Waiting>,
    ended: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// One of the others waits already: the worker has one core, and that is enough.
    one: bool,
    /// Batches that the worker has ended.
    ended: u64,
}

/// Ends the batch also when it panics.
struct AtWork<'a>(&'a Precedence);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.works.store(false, Ordering::Relaxed);
        self.0.lock().ended += 1;
        self.0.ended.notify_all();
    }
}

impl Precedence {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that stands by does this.
    pub(super) fn take<R>(&self, work: impl FnOnce() -> R) -> R {
        self.works.store(true, Ordering::Relaxed);
        let _at_work = AtWork(self);
        work()
    }

    /// Waits until the batch at work has ended, for so long at most. Returns whether it was
    /// this thread's turn to.
    fn wait(&self, most: Duration) -> bool {
        let mut waiting = self.lock();
        if waiting.one || !self.works.load(Ordering::Relaxed) {
            return false;
        }
        waiting.one = true;
        let batch = waiting.ended;
        let unended = |waiting: &mut Waiting| waiting.ended == batch;
        let waited = self.ended.wait_timeout_while(waiting, most, unended);
        waited.unwrap_or_else(PoisonError::into_inner).0.one = false;
        true
    }
}

/// One run, or several in a row.
pub(super) struct GivingWay {
    /// `None` for the worker that has precedence.
    to: Option<Arc<Precedence>>,
    started: Instant,
    since: Cell<Instant>,
    stood: Cell<Duration>,
}

impl GivingWay {
    /// A run that is estimated to take so long begins; `None` if it is too short to matter.
    pub(super) fn start(to: Option<&Arc<Precedence>>, estimated: Duration) -> Option<Self> {
        let now = Instant::now();
        let long = estimated > 2 * PIECE;
        long.then(|| Self {
            to: to.cloned(),
            started: now,
            since: Cell::new(now),
            stood: Cell::new(Duration::ZERO),
        })
    }

    /// Time that others had.
    pub(super) fn stood(&self) -> Duration {
        self.stood.get()
    }
}

impl GiveWay for GivingWay {
    /// A run stands still little longer than it has run: whatever waits, it takes twice its
    /// time and [`GRACE`] at most.
    fn pass(&self) {
        let now = Instant::now();
        let ran = (now - self.started).saturating_sub(self.stood.get());
        let left = (ran + GRACE).saturating_sub(self.stood.get());
        let to = self.to.as_ref().filter(|to| to.works.load(Ordering::Relaxed));
        let waited = to.is_some_and(|to| left >= PIECE && to.wait(left));
        if !waited {
            if now - self.since.get() < PIECE {
                return;
            }
            yield_now();
        }
        self.since.set(Instant::now());
        self.stood.set(self.stood.get() + (self.since.get() - now));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::thread::{self, sleep};

    use super::*;

    const LONG: Duration = Duration::from_millis(10);

    /// A run that has gone on for a minute, so that it may stand still for as long.
    fn old(precedence: &Arc<Precedence>) -> GivingWay {
        let way = GivingWay::start(Some(precedence), LONG).unwrap();
        let started = way.started.checked_sub(Duration::from_mins(1)).unwrap();
        GivingWay { started, ..way }
    }

    #[test]
    fn one_long_run_waits_for_the_batch_at_work_and_others_go_on() {
        let precedence = Arc::new(Precedence::default());
        let passed = AtomicU32::new(0);
        thread::scope(|scope| {
            precedence.take(|| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        old(&precedence).pass();
                        passed.fetch_add(1, Ordering::SeqCst);
                    });
                }
                while passed.load(Ordering::SeqCst) == 0 {
                    yield_now();
                }
                sleep(LONG);
                assert_eq!(passed.load(Ordering::SeqCst), 1);
            });
        });
        assert_eq!(passed.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_run_stands_still_little_longer_than_it_has_run() {
        let precedence = Arc::new(Precedence::default());
        precedence.take(|| {
            let run = GivingWay::start(Some(&precedence), LONG).unwrap();
            // Without the bound this would never end.
            for _ in 0..20 {
                run.pass();
            }
        });
    }

    #[test]
    fn a_batch_that_panics_has_ended() {
        let precedence = Arc::new(Precedence::default());
        let panicked = thread::scope(|scope| {
            scope.spawn(|| precedence.take(|| panic!("as operators do"))).join().is_err()
        });
        assert!(panicked);
        assert!(!precedence.wait(Duration::from_hours(1)));
    }

    #[test]
    fn a_short_run_gives_way_to_nobody() {
        let precedence = Arc::new(Precedence::default());
        assert!(GivingWay::start(Some(&precedence), Duration::from_micros(50)).is_none());
    }
}
