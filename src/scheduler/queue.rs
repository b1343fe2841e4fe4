//! The handle by which requests reach the workers: one queue per model version.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::job::{Answer, Job, Rejection, Work};
use super::metrics::QueueMetrics;
use super::{Shared, batch};
use crate::engine::{LoadedModel, Plan, PlanLookup, RunError};
use crate::tensor::{Shape, Tensor};

/// A run cheaper than this is done at once on the caller's thread: handing it to a worker
/// and back costs more (two wake-ups, about 10 µs each on a busy machine).
const INLINE_BELOW: Duration = Duration::from_micros(20);

/// Bounds of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests that may wait.
    pub waiting: usize,
    /// Rows that may run together; 1 turns batching off.
    pub batch_rows: usize,
}

/// Sends work for one model version to the workers.
pub struct Queue {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) model: Arc<dyn LoadedModel>,
    pub(super) limits: Limits,
    pub(super) metrics: QueueMetrics,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
pub(super) struct Waiting {
    pub(super) jobs: VecDeque<Job>,
    /// The queue stands in the line of the workers.
    pub(super) in_line: bool,
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    pub(super) fn new(
        shared: Arc<Shared>,
        model: Arc<dyn LoadedModel>,
        limits: Limits,
        metrics: QueueMetrics,
    ) -> Self {
        let inner = Inner { model, limits, metrics, waiting: Mutex::default() };
        Self { shared, inner: Arc::new(inner) }
    }

    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Requests that wait now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.inner.lock().jobs.len()
    }

    /// Runs the work, alone or together with others, and waits for its answer. Dropping the
    /// future gives the work up.
    ///
    /// # Errors
    /// [`Rejection`] if the queue is full, the deadline passes, or the run fails.
    pub async fn run(&self, work: Work) -> Result<Answer, Rejection> {
        let arrived = Instant::now();
        let shapes: Vec<Shape> = work.inputs.iter().map(|input| input.shape().clone()).collect();
        let plan = match self.inner.model.plan(&shapes) {
            PlanLookup::Ready(plan) => plan,
            PlanLookup::Busy => return Err(Rejection::CompilerBusy),
            PlanLookup::Compiling(ticket) => match timeout_at(work.deadline.into(), ticket).await {
                Ok(Ok(compiled)) => compiled?,
                Ok(Err(_)) => return Err(Rejection::ShutDown),
                Err(_) => return Err(Rejection::DeadlineExceeded(work.allowed)),
            },
        };
        let rows = self.inner.rows_of(&work.inputs);
        if self.inner.runs_inline(&work.inputs) {
            return self.inner.run_alone(plan.as_ref(), &work.inputs, rows, arrived);
        }
        let (reply, answer) = oneshot::channel();
        let Work { inputs, deadline, allowed } = work;
        self.enqueue(Job { inputs, rows, plan, arrived, deadline, allowed, reply })?;
        match timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Rejection::ShutDown),
            Err(_) => Err(Rejection::DeadlineExceeded(allowed)),
        }
    }

    fn enqueue(&self, job: Job) -> Result<(), Rejection> {
        let mut waiting = self.inner.lock();
        if waiting.jobs.len() >= self.inner.limits.waiting {
            // Callers who gave up must not keep others out.
            waiting.jobs.retain(|job| !job.reply.is_closed());
            self.inner.report_depth(&waiting);
        }
        if waiting.jobs.len() >= self.inner.limits.waiting {
            return Err(Rejection::QueueFull { waiting: waiting.jobs.len() });
        }
        waiting.jobs.push_back(job);
        self.inner.report_depth(&waiting);
        let joins_line = !std::mem::replace(&mut waiting.in_line, true);
        drop(waiting);
        if joins_line {
            self.shared.lock().line.push_back(Arc::clone(&self.inner));
            self.shared.work_arrived.notify_one();
        }
        Ok(())
    }
}

impl Inner {
    pub(super) fn report_depth(&self, waiting: &Waiting) {
        self.metrics.queue_depth.set(i64::try_from(waiting.jobs.len()).unwrap_or(i64::MAX));
    }

    /// Rows that may run together.
    pub(super) fn batch_rows(&self) -> usize {
        if self.model.joins_requests() { self.limits.batch_rows } else { 1 }
    }

    fn rows_of(&self, inputs: &[Tensor]) -> Option<usize> {
        if !self.model.batching().is_on() {
            return None;
        }
        // Inputs that differ in their rows have a meaning to this request alone.
        let rows = inputs.first().and_then(Tensor::rows)?;
        inputs.iter().all(|input| input.rows() == Some(rows)).then_some(rows)
    }

    fn runs_inline(&self, inputs: &[Tensor]) -> bool {
        self.model.cost().is_some_and(|cost| cost.of(inputs) < INLINE_BELOW)
    }

    /// One run for one job.
    pub(super) fn run_alone(
        &self,
        plan: &dyn Plan,
        inputs: &[Tensor],
        rows: Option<usize>,
        arrived: Instant,
    ) -> Result<Answer, Rejection> {
        let started = Instant::now();
        let outputs = plan.run(inputs).inspect_err(|error| {
            if let RunError::Panic { operator, reason } = error {
                tracing::warn!(operator, reason, "an operator panicked");
            }
        })?;
        self.metrics.batch_rows.observe(batch::as_metric(rows));
        Ok(Answer {
            outputs,
            queued: started - arrived,
            infer: started.elapsed(),
            batch_rows: rows,
        })
    }
}
