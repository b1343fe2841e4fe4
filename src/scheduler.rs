//! Runs requests on worker threads: one bounded queue per model version, batches formed
//! from what waits, and no work for callers who are gone or out of time.
//!
//! The workers are plain threads apart from the I/O threads. Queues with work stand in a
//! line; a worker takes the first, serves one batch from it and puts it back at the end,
//! so that a busy model cannot starve a quiet one.

mod batch;
mod job;
mod metrics;
mod queue;
mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

pub use job::{Answer, Rejection, Work};
pub use metrics::{Metrics, QueueMetrics};
pub use queue::{Limits, Queue};

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
}

#[derive(Default)]
struct State {
    /// Queues that hold jobs, each at most once.
    line: VecDeque<Arc<queue::Inner>>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler {
    /// Starts the workers.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(config: Config) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), work_arrived: Condvar::new() });
        for index in 0..config.threads.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("infer-{index}"))
                .spawn(move || worker::run(&shared))?;
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
        self.shared.lock().closed = true;
        self.shared.work_arrived.notify_all();
    }
}
