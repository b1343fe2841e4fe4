//! How a long run gives way between its operators.
//!
//! The system lets a thread that computes keep its core for some milliseconds although others
//! wait for it. So a run that is much longer than a request takes otherwise offers its core
//! now and then: to threads that do I/O, and, while the worker that stands by is at work, to
//! that one for as long as it is.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// Runs for so long before the core is offered: some times what that costs.
const PIECE: Duration = Duration::from_micros(200);

/// The worker that stands by takes short runs; whatever it does, nobody waits longer.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Whether the worker that stands by is at work, and who waits for it to end.
#[derive(Default)]
pub(super) struct Precedence {
    works: AtomicBool,
    /// Whether one of the others waits already: it has one core, and that is enough.
    waited_for: Mutex<bool>,
    ended: Condvar,
}

impl Precedence {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that stands by does this.
    pub(super) fn take<R>(&self, work: impl FnOnce() -> R) -> R {
        self.works.store(true, Ordering::Relaxed);
        let done = work();
        self.works.store(false, Ordering::Relaxed);
        // Whoever was about to wait has the lock, or sees that it is over.
        drop(self.lock());
        self.ended.notify_all();
        done
    }

    fn wait(&self) {
        let mut waited_for = self.lock();
        if *waited_for {
            return;
        }
        *waited_for = true;
        let works = |_: &mut bool| self.works.load(Ordering::Relaxed);
        let waited = self.ended.wait_timeout_while(waited_for, LONGEST_WAIT, works);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// One run, or several in a row.
pub(super) struct GivingWay<'a> {
    long: bool,
    /// `None` for the worker that has precedence.
    to: Option<&'a Precedence>,
    since: Cell<Instant>,
    stood: Cell<Duration>,
}

impl<'a> GivingWay<'a> {
    /// A run that is estimated to take so long begins.
    pub(super) fn start(to: Option<&'a Precedence>, estimated: Duration) -> Self {
        let long = estimated > 2 * PIECE;
        Self { long, to, since: Cell::new(Instant::now()), stood: Cell::new(Duration::ZERO) }
    }

    /// Between two operators.
    pub(super) fn offer(&self) {
        if !self.long {
            return;
        }
        let now = Instant::now();
        if let Some(precedence) = self.to.filter(|to| to.works.load(Ordering::Relaxed)) {
            precedence.wait();
        } else if now - self.since.get() >= PIECE {
            yield_now();
        } else {
            return;
        }
        self.since.set(Instant::now());
        self.stood.set(self.stood.get() + (self.since.get() - now));
    }

    /// Time that others had.
    pub(super) fn stood(&self) -> Duration {
        self.stood.get()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::thread;

    use super::*;

    #[test]
    fn one_long_run_waits_while_the_worker_that_stands_by_works_and_others_go_on() {
        let precedence = Precedence::default();
        let passed = AtomicU32::new(0);
        thread::scope(|scope| {
            precedence.take(|| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        GivingWay::start(Some(&precedence), Duration::from_millis(10)).offer();
                        passed.fetch_add(1, Ordering::SeqCst);
                    });
                }
                while passed.load(Ordering::SeqCst) == 0 {
                    yield_now();
                }
                thread::sleep(LONGEST_WAIT / 10);
                assert_eq!(passed.load(Ordering::SeqCst), 1);
            });
        });
        assert_eq!(passed.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn no_run_waits_for_ever() {
        let precedence = Precedence::default();
        precedence.take(|| {
            let run = GivingWay::start(Some(&precedence), Duration::from_millis(10));
            run.offer();
            assert!(run.stood() >= LONGEST_WAIT);
        });
    }

    #[test]
    fn the_worker_that_stands_by_does_not_wait_for_itself() {
        let precedence = Precedence::default();
        precedence.take(|| {
            let run = GivingWay::start(None, Duration::from_millis(10));
            thread::sleep(PIECE);
            run.offer();
            assert!(run.stood() < LONGEST_WAIT);
        });
    }

    #[test]
    fn a_short_run_gives_way_to_nobody() {
        let precedence = Precedence::default();
        precedence.take(|| {
            let run = GivingWay::start(Some(&precedence), Duration::from_micros(50));
            run.offer();
            assert_eq!(run.stood(), Duration::ZERO);
        });
    }
}
