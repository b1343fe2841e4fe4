//! The handle by which requests reach the workers: one queue per model version.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::Shared;
use super::job::{Answer, Job, Rejection, Slice, Work};
use super::metrics::QueueMetrics;
use super::spread::Spread;
use crate::engine::{CostCurve, LoadedModel, Plan, PlanLookup, RunControl, RunError};
use crate::repository::Batching;
use crate::tensor::{Shape, Tensor};

/// A run cheaper than this is done at once on the caller's thread: handing it to a worker
/// and back costs more (two wake-ups, about 10 µs each on a busy machine).
const INLINE_BELOW: Duration = Duration::from_micros(20);

/// Bounds of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests that may wait.
    pub waiting: usize,
    pub batch: BatchLimits,
    /// A long run may use cores that stand idle.
    pub idle_cores: bool,
}

/// Bounds of what runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Rows that may run together. With 1, requests are neither joined nor taken apart.
    pub max_rows: usize,
    /// Rows to run together, whatever the cost curve says.
    pub preferred_rows: Option<usize>,
    /// Time that a request may wait for others to join it; no longer than joining saves.
    pub max_delay: Duration,
}

impl From<&Batching> for BatchLimits {
    fn from(settings: &Batching) -> Self {
        let Batching { max_rows, preferred_rows, max_delay } = *settings;
        Self { max_rows, preferred_rows, max_delay }
    }
}

impl BatchLimits {
    /// Rows of this model that are worth running together: 1 where company does not pay,
    /// `None` where requests are neither joined nor taken apart.
    #[must_use]
    pub fn rows(self, model: &dyn LoadedModel) -> Option<usize> {
        if self.max_rows == 1 || !model.batching().is_on() {
            return None;
        }
        let measured = || model.cost().map_or(1, |curve| curve.best_rows(self.max_rows));
        let rows = self.preferred_rows.map_or_else(measured, |rows| rows.min(self.max_rows));
        // Where every number of rows needs a plan of its own, only single rows have theirs.
        (model.any_rows() || rows == 1).then_some(rows)
    }
}

/// Sends work for one model version to the workers.
pub struct Queue {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

/// What is known of a queue beside the jobs that wait in it.
pub(super) struct Inner {
    pub(super) id: u64,
    pub(super) model: Arc<dyn LoadedModel>,
    pub(super) limits: Limits,
    pub(super) metrics: QueueMetrics,
    /// Jobs that wait, to be read without the lock under which it changes.
    waiting: AtomicUsize,
    /// Rows worth running together, from the cost curve; `None` where requests are neither
    /// joined nor taken apart.
    pub(super) batch_rows: Option<usize>,
    /// Whether runs gain from idle cores.
    pub(super) spread: Spread,
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().remove(self.inner.id);
    }
}

impl Queue {
    pub(super) fn new(
        shared: Arc<Shared>,
        model: Arc<dyn LoadedModel>,
        limits: Limits,
        metrics: QueueMetrics,
    ) -> Self {
        let batch_rows = limits.batch.rows(model.as_ref());
        let inner = shared.lock().add(|id| {
            Arc::new(Inner {
                id,
                model,
                limits,
                metrics,
                waiting: AtomicUsize::new(0),
                batch_rows,
                spread: Spread::default(),
            })
        });
        Self { shared, inner }
    }

    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// See [`BatchLimits::rows`].
    #[must_use]
    pub fn batch_rows(&self) -> Option<usize> {
        self.inner.batch_rows
    }

    /// Time of a run with the help of idle cores as a share of its time alone, once both
    /// were tried.
    #[must_use]
    pub fn help_gains(&self) -> Option<f64> {
        self.inner.spread.gain()
    }

    /// Requests that wait now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.inner.waiting.load(Ordering::Relaxed)
    }

    /// Whether one more request may wait: asked before work is put into reading it.
    ///
    /// # Errors
    /// [`Rejection::QueueFull`] if none may.
    pub fn has_room(&self) -> Result<(), Rejection> {
        if self.inner.waiting.load(Ordering::Relaxed) < self.inner.limits.waiting {
            return Ok(());
        }
        self.shared.lock().has_room(&self.inner, Instant::now())
    }

    /// Runs the work, alone, together with others or in slices, and waits for its answer.
    /// Dropping the future gives the work up.
    ///
    /// # Errors
    /// [`Rejection`] if the queue is full or too long for the deadline, the deadline passes,
    /// or the run fails.
    pub async fn run(&self, work: Work) -> Result<Answer, Rejection> {
        let arrived = Instant::now();
        let inner = &self.inner;
        let rows = inner.rows_of(&work.inputs);
        let slice = inner.slice_of(rows);
        let inline = inner.runs_inline(&work.inputs, rows, slice);
        let plan = self.plan(&work, if inline { rows } else { slice }).await?;
        if inline {
            return inner.run_inline(plan.as_ref(), &work.inputs, rows, arrived);
        }
        let (deadline, allowed) = (work.deadline, work.allowed);
        let (reply, answer) = oneshot::channel();
        let cost = inner.cost(&work.inputs, rows).as_secs_f64();
        self.shared.enqueue(inner, Job::new(work, rows, plan, (arrived, cost), reply))?;
        match timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Rejection::ShutDown),
            Err(_) => Err(Rejection::DeadlineExceeded(allowed)),
        }
    }

    /// The plan that runs so many rows of the work, or all of it.
    async fn plan(&self, work: &Work, rows: Option<usize>) -> Result<Arc<dyn Plan>, Rejection> {
        let shapes: Vec<Shape> = work
            .inputs
            .iter()
            .map(|input| match rows {
                Some(rows) => input.shape().with_rows(rows),
                None => input.shape().clone(),
            })
            .collect();
        match self.inner.model.plan(&shapes) {
            PlanLookup::Ready(plan) => Ok(plan),
            PlanLookup::Busy => Err(Rejection::CompilerBusy),
            PlanLookup::Compiling(ticket) => match timeout_at(work.deadline.into(), ticket).await {
                Ok(Ok(compiled)) => Ok(compiled?),
                Ok(Err(_)) => Err(Rejection::ShutDown),
                Err(_) => Err(Rejection::DeadlineExceeded(work.allowed)),
            },
        }
    }
}

impl Inner {
    /// So many jobs wait now.
    pub(super) fn waits(&self, jobs: usize) {
        self.waiting.store(jobs, Ordering::Relaxed);
        self.metrics.waiting(jobs);
    }

    pub(super) fn curve(&self) -> Option<&CostCurve> {
        self.model.cost()
    }

    /// Rows that may be joined with others and taken apart.
    fn rows_of(&self, inputs: &[Tensor]) -> Option<usize> {
        self.batch_rows?;
        // Inputs that differ in their rows have a meaning to this request alone.
        let rows = inputs.first().and_then(Tensor::rows)?;
        inputs.iter().all(|input| input.rows() == Some(rows)).then_some(rows)
    }

    /// The most of so many rows that run together.
    fn slice_of(&self, rows: Option<usize>) -> Option<usize> {
        rows.zip(self.batch_rows).map(|(rows, most)| rows.min(most))
    }

    /// Whether the work is too little to be handed over, and one plan does all of it.
    fn runs_inline(&self, inputs: &[Tensor], rows: Option<usize>, slice: Option<usize>) -> bool {
        (slice == rows || self.model.any_rows())
            && self.curve().is_some_and(|curve| curve.of(inputs, rows) < INLINE_BELOW)
    }

    /// What the inputs add to the work that waits: their rows at the price of the best
    /// batch, which is what they cost once there is a queue.
    fn cost(&self, inputs: &[Tensor], rows: Option<usize>) -> Duration {
        let Some(curve) = self.curve() else { return Duration::ZERO };
        let alone = curve.of(inputs, rows);
        match (rows, self.batch_rows) {
            (Some(rows @ 1..), Some(most)) => {
                let row = curve.per_row(most).mul_f64(curve.heaviness(inputs, Some(rows)));
                row.saturating_mul(u32::try_from(rows).unwrap_or(u32::MAX)).min(alone)
            }
            _ => alone,
        }
    }

    /// How long what runs next of a job should take, alone on a core.
    pub(super) fn estimate_next(&self, job: &Job) -> Duration {
        let Some(curve) = self.curve() else { return Duration::ZERO };
        let heaviness = curve.heaviness(&job.inputs, job.rows);
        curve.of_rows(self.slice_of(job.rows).unwrap_or(1)).mul_f64(heaviness)
    }

    /// The same for slices that run together.
    pub(super) fn estimate_batch(&self, slices: &[Slice]) -> Duration {
        let Some(curve) = self.curve() else { return Duration::ZERO };
        let heaviness =
            slices.iter().map(|slice| curve.heaviness(&slice.job.inputs, slice.job.rows));
        let rows = slices.iter().map(|slice| slice.count().unwrap_or(1)).sum();
        curve.of_rows(rows).mul_f64(heaviness.fold(1.0, f64::max))
    }

    /// How long a batch that is not full waits for more: no longer than a row saves in it.
    pub(super) fn delay(&self) -> Duration {
        match (self.curve(), self.batch_rows) {
            (Some(curve), Some(most @ 2..)) if !self.limits.batch.max_delay.is_zero() => {
                let saving = curve.of_rows(1).saturating_sub(curve.per_row(most));
                self.limits.batch.max_delay.min(saving)
            }
            _ => Duration::ZERO,
        }
    }

    /// One run at once, here.
    fn run_inline(
        &self,
        plan: &dyn Plan,
        inputs: &[Tensor],
        rows: Option<usize>,
        arrived: Instant,
    ) -> Result<Answer, Rejection> {
        let started = Instant::now();
        let outputs = self.run(plan, inputs, &RunControl::default())?;
        let (queued, infer) = (started - arrived, started.elapsed());
        let ended = started + infer;
        Ok(Answer { outputs, arrived, queued, infer, ended, batch_rows: rows })
    }

    /// One run; a panic is worth a line in the log.
    pub(super) fn run(
        &self,
        plan: &dyn Plan,
        inputs: &[Tensor],
        control: &RunControl,
    ) -> Result<Vec<Tensor>, RunError> {
        let outputs = plan.run_under(inputs, control).inspect_err(|error| {
            if let RunError::Panic { operator, reason } = error {
                tracing::warn!(operator, reason, "an operator panicked");
            }
        })?;
        let counted = if self.model.batching().is_on() { inputs.first() } else { None };
        self.metrics.ran(counted.and_then(Tensor::rows));
        Ok(outputs)
    }
}
