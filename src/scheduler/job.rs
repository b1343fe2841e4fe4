//! One request in the scheduler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Plan, RunError};
use crate::tensor::Tensor;

/// What a caller wants run: checked inputs in the order of the signature.
pub struct Work {
    pub inputs: Vec<Tensor>,
    /// After this nobody waits for the answer any more.
    pub deadline: Instant,
    /// How long that was from the arrival of the request, for messages.
    pub allowed: Duration,
}

/// The outputs in the order of the signature, and how they came about.
#[derive(Debug, Clone)]
pub struct Answer {
    pub outputs: Vec<Tensor>,
    /// Time spent waiting for a plan and a worker.
    pub queued: Duration,
    /// Time of the run that computed it, shared with the others in the batch.
    pub infer: Duration,
    /// Rows that ran together; `None` where the model does not count rows.
    pub batch_rows: Option<usize>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the queue is full: {waiting} requests are waiting")]
    QueueFull { waiting: usize },
    #[error("too many new input shapes at once: the compile queue is full")]
    CompilerBusy,
    #[error("the deadline of {} ms has passed", .0.as_secs_f64() * 1e3)]
    DeadlineExceeded(Duration),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the worker was shut down")]
    ShutDown,
}

/// A [`Work`] that waits in a queue.
pub(super) struct Job {
    pub(super) inputs: Vec<Tensor>,
    /// Rows of the leading axis, where the model counts rows.
    pub(super) rows: Option<usize>,
    /// Runs this job alone.
    pub(super) plan: Arc<dyn Plan>,
    pub(super) arrived: Instant,
    pub(super) deadline: Instant,
    pub(super) allowed: Duration,
    pub(super) reply: oneshot::Sender<Result<Answer, Rejection>>,
}

impl Job {
    pub(super) fn answer(self, result: Result<Answer, Rejection>) {
        // The caller may have gone away meanwhile; then nobody wants it.
        let _ = self.reply.send(result);
    }

    /// Ends jobs that are not worth running; gives back those that are.
    pub(super) fn if_wanted(self, now: Instant) -> Option<Self> {
        if self.reply.is_closed() {
            return None;
        }
        if now >= self.deadline {
            let allowed = self.allowed;
            self.answer(Err(Rejection::DeadlineExceeded(allowed)));
            return None;
        }
        Some(self)
    }
}
