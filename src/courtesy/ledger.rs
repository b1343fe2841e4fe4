//! What the threads of this process use that give way. The rest is what they give way to, so
//! loading is not held up by jobs, nor either by its own other threads.

use std::cell::Cell;
use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Stopwatch;

/// Processor time is counted by process, so this is, too.
static MEMBERS: Mutex<Members> = Mutex::new(Members { ended: Duration::ZERO, threads: Vec::new() });

thread_local! {
    static IS_MEMBER: Cell<bool> = const { Cell::new(false) };
}

struct Members {
    /// Time of members that have left.
    ended: Duration,
    threads: Vec<Arc<Thread>>,
}

struct Thread {
    /// Where the system says how long the thread has run.
    times: Option<File>,
    /// What it had said when the thread entered.
    before: u64,
    /// What the thread says itself, now and then; for systems that say nothing.
    counted: AtomicU64,
}

/// This thread gives way until it drops this.
pub(super) struct Membership {
    /// None if it gave way before.
    thread: Option<(Arc<Thread>, Stopwatch)>,
    /// It is of this thread.
    _not_sent: PhantomData<Rc<()>>,
}

pub(super) fn enter() -> Membership {
    let thread = (!IS_MEMBER.replace(true)).then(|| {
        let id = rustix::thread::gettid().as_raw_nonzero();
        let times = File::open(format!("/proc/self/task/{id}/schedstat")).ok();
        let before = times.as_ref().and_then(run_time).unwrap_or(0);
        let thread = Arc::new(Thread { times, before, counted: AtomicU64::new(0) });
        lock().threads.push(Arc::clone(&thread));
        (thread, Stopwatch::start())
    });
    Membership { thread, _not_sent: PhantomData }
}

/// Processor time of all threads while they gave way.
pub(super) fn used() -> Duration {
    let members = lock();
    members.ended + members.threads.iter().map(|thread| thread.used()).sum::<Duration>()
}

impl Thread {
    fn used(&self) -> Duration {
        let seen = self.times.as_ref().and_then(run_time);
        let nanos = seen.map_or_else(
            || self.counted.load(Ordering::Relaxed),
            |now| now.saturating_sub(self.before),
        );
        Duration::from_nanos(nanos)
    }
}

impl Membership {
    /// Notes what the thread has worked.
    pub(super) fn count(&self, worked: Duration) {
        if let Some((thread, _)) = &self.thread {
            let nanos = u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX);
            thread.counted.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let Some((thread, since)) = self.thread.take() else { return };
        let mut members = lock();
        members.threads.retain(|other| !Arc::ptr_eq(other, &thread));
        members.ended += since.elapsed();
        IS_MEMBER.set(false);
    }
}

fn lock() -> MutexGuard<'static, Members> {
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nanoseconds that a thread has run: the first number of its file.
fn run_time(file: &File) -> Option<u64> {
    let mut text = [0; 64];
    let length = file.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn work(processor: Duration) {
        let worked = Stopwatch::start();
        while worked.elapsed() < processor {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn work_is_seen_while_it_is_done_and_after_it() {
        const WORK: Duration = Duration::from_millis(60);
        // Other tests may give way at the same time, so these are at least.
        let before = used();
        let (tell, told) = mpsc::channel();
        let (go_on, waits) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let _membership = enter();
            let nested = enter();
            work(WORK);
            drop(nested);
            tell.send(()).unwrap();
            waits.recv().unwrap();
        });
        told.recv().unwrap();
        let during = used().saturating_sub(before);
        go_on.send(()).unwrap();
        thread.join().unwrap();
        let after = used().saturating_sub(before);
        assert!(during >= WORK.mul_f64(0.9) && after >= WORK.mul_f64(0.9), "{during:?} {after:?}");
    }
}
