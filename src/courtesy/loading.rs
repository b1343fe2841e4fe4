//! How loading, and other work that nobody waits for, gives way to serving.
//!
//! A thread that loads models runs where nobody else wants to, but that alone does not keep
//! it out of the way: it keeps the system from moving waiting threads to its core, evicts
//! caches, and does work in the kernel that cannot be interrupted. So between pieces of its
//! work it rests, the longer the more the rest of the process does.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use thread_priority::ThreadPriority;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::ledger::{self, Membership};
use super::{GiveWay, Stopwatch, time_of};

/// A piece of work; resting more often would only cost switches.
const PIECE: Duration = Duration::from_micros(500);

/// The same beside requests that take less than that: while a core works, the system moves none of
/// those to it that wait for the other one.
const SHORT_PIECE: Duration = Duration::from_micros(100);

/// One rest. After a piece that cannot be divided it must not become endless.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// The same where nobody waits.
const PATIENT_REST: Duration = Duration::from_secs(1);

/// Cores in use by the rest of the process: up to the first it counts as idle, from the
/// second on as busy, and in between rests grow.
const IDLE: f64 = 0.1;
const BUSY: f64 = 0.3;

/// How busy the process is, is judged over at least this long: the system brings the times of
/// threads that run up to date every few milliseconds.
const WINDOW: Duration = Duration::from_millis(50);

/// Settings of the threads that load, and how busy the process is besides. Cheap to share.
#[derive(Debug)]
pub struct Loading {
    /// Of one core, while the process is busy.
    share: f64,
    piece: Duration,
    longest_rest: Duration,
    seen: Mutex<Seen>,
}

/// How busy the rest of the process was in the last window, and when this one began.
#[derive(Debug)]
struct Seen {
    since: Moment,
    busy: f64,
}

struct Worker {
    loading: Arc<Loading>,
    membership: Membership,
    /// Since the last rest: on the clock, which costs little to ask, and in processor time.
    piece: Cell<(Instant, Stopwatch)>,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    wall: Instant,
    process: Duration,
    /// Of it, what threads used that give way, in nanoseconds.
    used: u64,
}

impl Loading {
    /// Threads that load take this share of one core each while the process is busy; with 1
    /// they never rest.
    #[must_use]
    pub fn new(share: f64) -> Arc<Self> {
        Self::resting(share, PIECE, LONGEST_REST)
    }

    /// The same for work that goes on for hours: it works in short pieces, and where one cannot be
    /// divided, the rest after it may be long.
    #[must_use]
    pub fn patient(share: f64) -> Arc<Self> {
        Self::resting(share, SHORT_PIECE, PATIENT_REST)
    }

    fn resting(share: f64, piece: Duration, longest_rest: Duration) -> Arc<Self> {
        let seen = Mutex::new(Seen { since: Moment::now(), busy: 0.0 });
        Arc::new(Self { share: share.clamp(0.001, 1.0), piece, longest_rest, seen })
    }

    /// Does the work on this thread, which rests at its points.
    pub fn run<R>(self: &Arc<Self>, work: impl FnOnce() -> R) -> R {
        let piece = Cell::new(piece());
        let loading = Arc::clone(self);
        super::with(Rc::new(Worker { loading, membership: ledger::enter(), piece }), work)
    }

    /// Cores that threads which do not give way keep busy.
    fn busy(&self) -> f64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.since.wall.elapsed() >= WINDOW {
            let now = Moment::now();
            *seen = Seen { busy: busy_cores(seen.since, now), since: now };
        }
        seen.busy
    }
}

impl Moment {
    fn now() -> Self {
        let used = nanos(ledger::used());
        Self { wall: Instant::now(), process: time_of(ClockId::ProcessCPUTime), used }
    }
}

/// Has the system run this thread only where nobody else wants to. A low nice value is not
/// enough: such a thread still ends its slice of some milliseconds while a request waits.
pub fn step_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    if let Err(error) = set {
        tracing::debug!(?error, "this thread keeps the priority of all");
    }
}

impl GiveWay for Worker {
    fn pass(&self) {
        let (since, processor) = self.piece.get();
        if since.elapsed() < self.loading.piece {
            return;
        }
        let worked = processor.elapsed();
        if worked < self.loading.piece {
            return;
        }
        let loading = &self.loading;
        self.membership.count(worked);
        let rest = rest_after(worked, loading.busy(), loading.share).min(loading.longest_rest);
        if !rest.is_zero() {
            sleep(rest);
        }
        self.piece.set(piece());
    }
}

fn piece() -> (Instant, Stopwatch) {
    (Instant::now(), Stopwatch::start())
}

/// Cores that the threads which do not load kept busy meanwhile.
fn busy_cores(since: Moment, now: Moment) -> f64 {
    let all = nanos(now.process.saturating_sub(since.process));
    let others = all.saturating_sub(now.used.saturating_sub(since.used));
    let wall = now.wall.saturating_duration_since(since.wall).as_secs_f64();
    Duration::from_nanos(others).as_secs_f64() / wall.max(1e-9)
}

fn rest_after(worked: Duration, busy: f64, share: f64) -> Duration {
    let full = worked.as_secs_f64() * (1.0 / share - 1.0);
    let rest = full * ((busy - IDLE) / (BUSY - IDLE)).clamp(0.0, 1.0);
    Duration::from_secs_f64(rest)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::point;
    use super::*;

    /// Works in pieces for so much processor time; the time on the clock.
    fn work(loading: &Arc<Loading>, processor: Duration) -> Duration {
        let started = Instant::now();
        loading.run(|| {
            let worked = Stopwatch::start();
            while worked.elapsed() < processor {
                point();
            }
        });
        started.elapsed()
    }

    #[test]
    fn rests_grow_with_what_others_do_up_to_the_share() {
        let ms = Duration::from_millis;
        assert_eq!(rest_after(ms(1), 0.0, 0.1), Duration::ZERO);
        assert_eq!(rest_after(ms(1), IDLE, 0.1), Duration::ZERO);
        let half = rest_after(ms(1), f64::midpoint(IDLE, BUSY), 0.1);
        assert!(half.abs_diff(Duration::from_micros(4500)) < Duration::from_micros(1));
        assert_eq!(rest_after(ms(1), 2.0, 0.1), ms(9));
        assert_eq!(rest_after(ms(1), 2.0, 1.0), Duration::ZERO);
        assert_eq!(rest_after(ms(50), 2.0, 0.1), ms(450));
    }

    #[test]
    fn beside_busy_threads_loading_takes_its_share_and_no_more() {
        let loading = Loading::new(0.1);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            sleep(WINDOW);
            let took = work(&loading, Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
            // It need not be held up by the whole rest: the other thread may be held up, too.
            assert!(took >= Duration::from_millis(60), "{took:?}");
        });
    }
}
