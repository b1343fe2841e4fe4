//! One request in the scheduler, whole or in slices of its rows.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Plan, RunError};
use crate::tensor::{Tensor, batch};

/// What a caller wants run: checked inputs in the order of the signature.
pub struct Work {
    pub inputs: Vec<Tensor>,
    /// After this nobody waits for the answer any more.
    pub deadline: Instant,
    /// How long that was from the arrival of the request, for messages.
    pub allowed: Duration,
    pub priority: Priority,
}

/// Requests of one model go in this order, and in that of their arrival within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(u8);

impl Priority {
    /// How many there are.
    pub(super) const LEVELS: usize = 5;

    /// As requests say it: 1 goes first, 3 is what requests have that say nothing or 0, and
    /// from 5 on all are last.
    #[must_use]
    pub fn of(number: u64) -> Self {
        match number {
            0 => Self::default(),
            number => Self(u8::try_from(number.min(Self::LEVELS as u64) - 1).unwrap_or(u8::MAX)),
        }
    }

    /// 0 goes first.
    pub(super) fn level(self) -> usize {
        usize::from(self.0).min(Self::LEVELS - 1)
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self(2)
    }
}

/// The outputs in the order of the signature, and how they came about.
#[derive(Debug, Clone)]
pub struct Answer {
    pub outputs: Vec<Tensor>,
    /// When the work came.
    pub arrived: Instant,
    /// Time spent waiting for a plan and a worker, until the first run began.
    pub queued: Duration,
    /// Time of the runs that computed it, shared with the others in a batch.
    pub infer: Duration,
    /// When the last of them ended.
    pub ended: Instant,
    /// Rows that ran together, at most; `None` where the model does not count rows.
    pub batch_rows: Option<usize>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the queue is full: {waiting} requests are waiting")]
    QueueFull { waiting: usize },
    #[error(
        "the queue is too long: an answer would take about {} ms, {} ms are allowed",
        .estimated.as_millis(), .allowed.as_secs_f64() * 1e3
    )]
    WouldBeLate { estimated: Duration, allowed: Duration },
    #[error("too many new input shapes at once: the compile queue is full")]
    CompilerBusy,
    #[error("the deadline of {} ms has passed", .0.as_secs_f64() * 1e3)]
    DeadlineExceeded(Duration),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the worker was shut down")]
    ShutDown,
}

/// A [`Work`] on its way through a queue.
pub(super) struct Job {
    pub(super) inputs: Vec<Tensor>,
    /// Rows of the leading axis, where the model counts rows and they stand alone.
    pub(super) rows: Option<usize>,
    /// Runs the job alone, or each slice of it.
    pub(super) plan: Arc<dyn Plan>,
    pub(super) arrived: Instant,
    pub(super) deadline: Instant,
    pub(super) allowed: Duration,
    pub(super) priority: Priority,
    /// Seconds of work that it adds to the queue, as estimated.
    pub(super) cost: f64,
    result: Mutex<Gathered>,
}

/// What has come of a job so far.
struct Gathered {
    /// Gone once somebody was told how it ended.
    reply: Option<oneshot::Sender<Result<Answer, Rejection>>>,
    /// Where each slice begins, and its outputs.
    slices: Vec<(usize, Vec<Tensor>)>,
    rows_done: usize,
    queued: Option<Duration>,
    infer: Duration,
    ended: Option<Instant>,
    batch_rows: Option<usize>,
}

/// Rows of a job that run together; all of it where there are no rows.
pub(super) struct Slice {
    pub(super) job: Arc<Job>,
    pub(super) rows: Option<Range<usize>>,
}

/// One run of the model.
#[derive(Clone, Copy)]
pub(super) struct Ran {
    pub(super) started: Instant,
    pub(super) infer: Duration,
    /// In the whole batch.
    pub(super) rows: Option<usize>,
}

impl Job {
    pub(super) fn new(
        work: Work,
        rows: Option<usize>,
        plan: Arc<dyn Plan>,
        (arrived, cost): (Instant, f64),
        reply: oneshot::Sender<Result<Answer, Rejection>>,
    ) -> Self {
        let Work { inputs, deadline, allowed, priority } = work;
        let result = Mutex::new(Gathered {
            reply: Some(reply),
            slices: Vec::new(),
            rows_done: 0,
            queued: None,
            infer: Duration::ZERO,
            ended: None,
            batch_rows: None,
        });
        Self { inputs, rows, plan, arrived, deadline, allowed, priority, cost, result }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for the answer: the caller went away, or was told already.
    pub(super) fn is_over(&self) -> bool {
        self.lock().reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Nobody will have any use for the answer.
    pub(super) fn is_unwanted(&self) -> bool {
        Instant::now() >= self.deadline || self.is_over()
    }

    /// Ends the job, unless it has ended.
    pub(super) fn reject(&self, rejection: Rejection) {
        let reply = self.lock().reply.take();
        if let Some(reply) = reply {
            // The caller may have gone away meanwhile; then nobody wants it.
            let _ = reply.send(Err(rejection));
        }
    }

    /// Ends the job because its deadline has passed.
    pub(super) fn reject_late(&self) {
        self.reject(Rejection::DeadlineExceeded(self.allowed));
    }
}

impl Slice {
    pub(super) fn is_whole(&self) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows.len() == self.job.rows.unwrap_or(0))
    }

    pub(super) fn count(&self) -> Option<usize> {
        self.rows.as_ref().map(Range::len)
    }

    /// The rows of each input; `None` if an input has fewer, which is checked before.
    pub(super) fn inputs(&self) -> Option<Vec<Tensor>> {
        let rows = self.rows.clone()?;
        let cut = |input| batch::concat_rows(&[(input, rows.clone())]);
        self.job.inputs.iter().map(cut).collect()
    }

    /// Hands in the outputs of these rows. With the last of them the caller has its answer.
    pub(super) fn ran(&self, outputs: Vec<Tensor>, run: Ran) {
        let mut gathered = self.job.lock();
        let queued = run.started.saturating_duration_since(self.job.arrived);
        gathered.queued = Some(gathered.queued.map_or(queued, |first| first.min(queued)));
        gathered.infer += run.infer;
        let ended = run.started + run.infer;
        gathered.ended = gathered.ended.max(Some(ended));
        gathered.batch_rows = gathered.batch_rows.max(run.rows);
        let outputs = if self.is_whole() {
            Some(outputs)
        } else {
            let first = self.rows.as_ref().map_or(0, |rows| rows.start);
            gathered.slices.push((first, outputs));
            gathered.rows_done += self.count().unwrap_or(0);
            if Some(gathered.rows_done) < self.job.rows {
                return;
            }
            joined(std::mem::take(&mut gathered.slices))
        };
        let Some(reply) = gathered.reply.take() else { return };
        let (queued, infer) = (gathered.queued.unwrap_or_default(), gathered.infer);
        let (ended, batch_rows) = (gathered.ended.unwrap_or(ended), gathered.batch_rows);
        drop(gathered);
        let arrived = self.job.arrived;
        let answer = |outputs| Answer { outputs, arrived, queued, infer, ended, batch_rows };
        let answer = outputs.map(answer);
        let answer = answer.ok_or_else(|| {
            let reason = "slices differ in the shape of an output".to_owned();
            Rejection::Run(RunError::Operator { reason })
        });
        // The caller may have gone away meanwhile.
        let _ = reply.send(answer);
    }
}

/// The outputs of all slices, one behind the other.
fn joined(mut slices: Vec<(usize, Vec<Tensor>)>) -> Option<Vec<Tensor>> {
    slices.sort_by_key(|(first, _)| *first);
    let outputs = slices.first()?.1.len();
    (0..outputs)
        .map(|output| {
            let parts: Option<Vec<&Tensor>> =
                slices.iter().map(|(_, outputs)| outputs.get(output)).collect();
            batch::concat(&parts?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_go_from_one_to_five_and_three_is_the_default() {
        let levels = [0, 1, 2, 3, 4, 5, 6, u64::MAX].map(|number| Priority::of(number).level());
        assert_eq!(levels, [2, 0, 1, 2, 3, 4, 4, 4]);
        assert_eq!(Priority::default().level(), 2);
    }
}
