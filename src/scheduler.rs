//! Runs requests on worker threads: a bounded queue per model version, batches and slices
//! of the sizes that the model's cost curve says to pay, and no work for callers who are
//! gone or out of time.
//!
//! The workers are plain threads apart from the I/O threads. Queues share them by the time
//! that their runs take (`line`), so that a busy model cannot starve a quiet one. One worker
//! more than there are cores is there for queues that have nothing running: a short run need
//! not wait until a long one of another model has ended.

mod job;
mod line;
mod metrics;
mod pace;
mod precedence;
mod queue;
mod spread;
mod state;
mod waiting;
mod worker;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use job::{Answer, Priority, Rejection, Work};
pub use metrics::{Metrics, QueueMetrics};
pub use queue::{BatchLimits, Limits, Queue};

use job::Job;
use precedence::Precedence;
use state::{Batch, Next, State};

/// Settings of the worker pool.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Worker threads; the number of cores is right unless other processes share them.
    pub threads: usize,
}

/// The worker pool. Dropping it ends the workers after the batch they are running.
pub struct Scheduler {
    shared: Arc<Shared>,
}

/// What queues and workers share. One lock for all queues: it is held for a few list
/// operations, and one lock makes the order of everything plain.
struct Shared {
    state: Mutex<State>,
    work_arrived: Condvar,
    /// For the worker that serves queues which have nothing running.
    work_stands: Condvar,
    /// Workers of [`Kind::Any`] that wait for work.
    idle: AtomicUsize,
    precedence: Arc<Precedence>,
}

/// What the time of a batch says about others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// What a run takes alone.
    Alone,
    /// What it takes with the help of idle cores.
    Helped,
    /// Nothing: it failed, was given up, or had help for a part of it.
    Unlike,
}

/// The time of a batch.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: Duration,
    /// Of that, others had the core.
    stood: Duration,
}

impl Took {
    fn own(self) -> Duration {
        self.wall.saturating_sub(self.stood)
    }
}

/// What a worker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    /// Only queues that have nothing running.
    Standing,
}

impl Scheduler {
    /// Starts the workers.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(config: Config) -> std::io::Result<Self> {
        let threads = config.threads.max(1);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(threads)),
            work_arrived: Condvar::new(),
            work_stands: Condvar::new(),
            idle: AtomicUsize::new(0),
            precedence: Arc::default(),
        });
        for index in 0..=threads {
            let shared = Arc::clone(&shared);
            let kind = if index < threads { Kind::Any } else { Kind::Standing };
            thread::Builder::new()
                .name(format!("infer-{index}"))
                .spawn(move || worker::run(&shared, kind))?;
        }
        Ok(Self { shared })
    }

    /// A queue for one model version.
    #[must_use]
    pub fn queue(
        &self,
        model: Arc<dyn crate::engine::LoadedModel>,
        limits: Limits,
        metrics: QueueMetrics,
    ) -> Queue {
        Queue::new(Arc::clone(&self.shared), model, limits, metrics)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.lock().close();
        self.shared.work_arrived.notify_all();
        self.shared.work_stands.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_idle_worker(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > 0
    }

    fn enqueue(&self, queue: &queue::Inner, job: Job) -> Result<(), Rejection> {
        let mut state = self.lock();
        state.admit(queue, &job, Instant::now())?;
        state.push(queue, job);
        let sleeper = self.sleeper(&state);
        drop(state);
        wake(sleeper);
        Ok(())
    }

    /// Where the worker sleeps that should see to what waits. Workers go idle under the lock
    /// only, so that with the lock held the count is exact and no work is left with nobody told
    /// of it. It is woken without the lock, for which it would only wait.
    fn sleeper(&self, state: &State) -> Option<&Condvar> {
        if self.has_idle_worker() {
            Some(&self.work_arrived)
        } else if state.has_standing() {
            Some(&self.work_stands)
        } else {
            None
        }
    }

    /// Waits for the next batch; none when there will be no more.
    fn next(&self, kind: Kind) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            let wait = match state.next(kind, Instant::now()) {
                Next::Run(batch) => {
                    let sleeper = if state.has_more() { self.sleeper(&state) } else { None };
                    drop(state);
                    wake(sleeper);
                    return Some(batch);
                }
                Next::Closed => return None,
                Next::Wait(until) => until,
            };
            state = self.wait(state, kind, wait);
        }
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        kind: Kind,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        const FOREVER: Duration = Duration::from_hours(1);
        let timeout =
            until.map_or(FOREVER, |until| until.saturating_duration_since(Instant::now()));
        let (condition, counted) = match kind {
            Kind::Any => (&self.work_arrived, 1),
            Kind::Standing => (&self.work_stands, 0),
        };
        self.idle.fetch_add(counted, Ordering::Relaxed);
        let waited = condition.wait_timeout(state, timeout);
        self.idle.fetch_sub(counted, Ordering::Relaxed);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn ended(&self, kind: Kind, batch: &Batch, took: Took, end: End) {
        match end {
            End::Helped => batch.queue.spread.ran(true, batch.estimated, took.own()),
            End::Alone => batch.queue.spread.ran(false, batch.estimated, took.own()),
            End::Unlike => {}
        }
        self.lock().ended(kind, batch, took, end);
    }
}

fn wake(sleeper: Option<&Condvar>) {
    if let Some(sleeper) = sleeper {
        sleeper.notify_one();
    }
}
