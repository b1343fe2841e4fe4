//! The state behind the scheduler's lock: what waits, what runs, and what comes next. It
//! knows no threads and reads no clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::{Job, Priority, Rejection, Slice};
use super::line::Line;
use super::pace::Pace;
use super::queue::Inner;
use super::waiting::Waiting;
use super::{End, Kind, Took};

/// Estimates err. A request that is let in must not miss its deadline for it, and with a
/// queue that is never empty nothing is lost by turning some away too early.
const CAUTION: f64 = 1.25;

/// Time between two searches for gone callers in one queue.
const SWEEP_AGAIN: Duration = Duration::from_millis(5);

pub(super) struct State {
    threads: usize,
    queues: HashMap<u64, Entry>,
    line: Line<u64>,
    next_id: u64,
    closed: bool,
    running: Running,
}

struct Entry {
    queue: Arc<Inner>,
    waiting: Waiting,
    /// The tag in the line: seconds served.
    tag: f64,
    running: usize,
    pace: Pace,
    /// When gone callers were last looked for.
    swept: Option<Instant>,
}

/// What runs now.
#[derive(Default)]
struct Running {
    batches: usize,
    /// Seconds that they should take, all together.
    estimated: f64,
    /// One of them is on the worker that stands by.
    stands: bool,
}

/// Slices to run together.
pub(super) struct Batch {
    pub(super) queue: Arc<Inner>,
    pub(super) slices: Vec<Slice>,
    /// Time on one core, by the cost curve.
    pub(super) estimated: Duration,
    /// The same at the pace of the machine.
    paced: Duration,
}

/// What a worker does next.
pub(super) enum Next {
    Run(Batch),
    /// Nothing before this time, or before something arrives.
    Wait(Option<Instant>),
    Closed,
}

impl State {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            queues: HashMap::new(),
            line: Line::default(),
            next_id: 0,
            closed: false,
            running: Running::default(),
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn add(&mut self, queue: impl FnOnce(u64) -> Arc<Inner>) -> Arc<Inner> {
        self.next_id += 1;
        let queue = queue(self.next_id);
        let entry = Entry {
            queue: Arc::clone(&queue),
            waiting: Waiting::default(),
            tag: 0.0,
            running: 0,
            pace: Pace::default(),
            swept: None,
        };
        self.queues.insert(self.next_id, entry);
        queue
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.line.leave(id);
        if let Some(entry) = self.queues.remove(&id)
            && !entry.waiting.is_empty()
        {
            entry.queue.waits(0);
        }
    }

    pub(super) fn depth(&self, id: u64) -> usize {
        self.queues.get(&id).map_or(0, |entry| entry.waiting.len())
    }

    /// Whether anything waits.
    pub(super) fn has_more(&self) -> bool {
        !self.line.waiting().is_empty()
    }

    /// Whether one more job may wait.
    ///
    /// # Errors
    /// [`Rejection::QueueFull`] if none may.
    pub(super) fn has_room(&mut self, queue: &Inner, now: Instant) -> Result<(), Rejection> {
        let most = queue.limits.waiting;
        if self.depth(queue.id) >= most {
            self.sweep(queue, now);
        }
        match self.depth(queue.id) {
            waiting if waiting >= most => Err(Rejection::QueueFull { waiting }),
            _ => Ok(()),
        }
    }

    /// Whether a job may wait for its turn.
    ///
    /// # Errors
    /// [`Rejection`] if too many wait, or it would not be answered in time.
    pub(super) fn admit(
        &mut self,
        queue: &Inner,
        job: &Job,
        now: Instant,
    ) -> Result<(), Rejection> {
        if self.closed {
            return Err(Rejection::ShutDown);
        }
        self.has_room(queue, now)?;
        let Err(rejection) = self.in_time(queue, job, now) else { return Ok(()) };
        // Work of callers who are gone is not in the way.
        if self.sweep(queue, now) { self.in_time(queue, job, now) } else { Err(rejection) }
    }

    fn in_time(&self, queue: &Inner, job: &Job, now: Instant) -> Result<(), Rejection> {
        let Some(entry) = self.queues.get(&queue.id) else { return Err(Rejection::ShutDown) };
        let ahead = self.time_before(entry, job.priority);
        if ahead.is_zero() {
            return Ok(());
        }
        // Slices run side by side.
        #[expect(clippy::cast_precision_loss, reason = "a few threads")]
        let shared = Duration::from_secs_f64(job.cost / self.threads as f64);
        let own = entry.pace.of(queue.estimate_next(job).max(shared));
        let estimated = ahead + own;
        if now + estimated.mul_f64(CAUTION) > job.deadline {
            let estimated = (now + estimated).saturating_duration_since(job.arrived);
            return Err(Rejection::WouldBeLate { estimated, allowed: job.allowed });
        }
        Ok(())
    }

    /// Forgets jobs whose callers are gone, unless that was done just now: a flood must not
    /// pay for it with every request. Returns whether it was done.
    fn sweep(&mut self, queue: &Inner, now: Instant) -> bool {
        let Some(entry) = self.queues.get_mut(&queue.id) else { return false };
        if entry.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP_AGAIN) {
            return false;
        }
        entry.swept = Some(now);
        entry.waiting.forget_gone();
        queue.waits(entry.waiting.len());
        true
    }

    /// The time until a worker takes a job that comes now.
    fn time_before(&self, entry: &Entry, priority: Priority) -> Duration {
        let stands = entry.running == 0 && !self.running.stands;
        let free = self.running.batches < self.threads || stands;
        let ahead = entry.waiting.cost_before(priority) * entry.pace.factor();
        if free && ahead == 0.0 {
            return Duration::ZERO;
        }
        let of = |id: &u64| self.queues.get(id).filter(|other| other.queue.id != entry.queue.id);
        let others = self.line.waiting().iter().filter_map(of);
        let (mut count, mut backlog) = (0.0, 0.0);
        for other in others {
            count += 1.0;
            backlog += other.waiting.cost() * other.pace.factor();
        }
        // Others get as much as this queue meanwhile, if they have so much.
        let work = ahead + backlog.min(ahead * count);
        #[expect(clippy::cast_precision_loss, reason = "a few threads")]
        let (threads, batches) = (self.threads as f64, self.running.batches as f64);
        // Of runs that began at any time, the first ends after this share of one of them.
        let first_ends = self.running.estimated / batches.max(1.0) / (batches + 1.0);
        Duration::from_secs_f64(work / threads + first_ends)
    }

    /// Adds a job that was admitted.
    pub(super) fn push(&mut self, queue: &Inner, job: Job) {
        let Some(entry) = self.queues.get_mut(&queue.id) else { return };
        entry.waiting.push(Arc::new(job));
        queue.waits(entry.waiting.len());
        entry.tag = self.line.join(queue.id, entry.tag);
    }

    /// Whether something waits for the worker that stands by.
    pub(super) fn has_standing(&self) -> bool {
        let stands = |id: &u64| self.queues.get(id).is_some_and(|entry| entry.running == 0);
        !self.running.stands && self.line.waiting().iter().any(stands)
    }

    /// What a worker of this kind does now.
    pub(super) fn next(&mut self, kind: Kind, now: Instant) -> Next {
        loop {
            if self.closed {
                return Next::Closed;
            }
            let mut earliest: Option<Instant> = None;
            let queues = &self.queues;
            // A worker that is free takes it.
            let free = self.running.batches < self.threads;
            let tag = |id| {
                let entry: &Entry = queues.get(&id)?;
                if kind == Kind::Standing && (free || entry.running > 0) {
                    return None;
                }
                entry.ready_at(now).is_none_or(|ready| ready <= now).then_some(entry.tag)
            };
            let Some((id, tag)) = self.line.next(tag) else {
                for id in self.line.waiting() {
                    let ready = self.queues.get(id).and_then(|entry| entry.ready_at(now));
                    earliest = match (earliest, ready.filter(|ready| *ready > now)) {
                        (Some(earliest), Some(ready)) => Some(earliest.min(ready)),
                        (earliest, ready) => earliest.or(ready),
                    };
                }
                return Next::Wait(earliest);
            };
            if let Some(batch) = self.take(id, tag, now) {
                self.running.stands |= kind == Kind::Standing;
                return Next::Run(batch);
            }
        }
    }

    fn take(&mut self, id: u64, tag: f64, now: Instant) -> Option<Batch> {
        let entry = self.queues.get_mut(&id)?;
        let queue = Arc::clone(&entry.queue);
        let pace = entry.pace;
        let most = queue.batch_rows.unwrap_or(1);
        let slices = entry.waiting.take(most, now, |job| pace.of(queue.estimate_next(job)));
        queue.waits(entry.waiting.len());
        if slices.is_empty() {
            // All were gone or late, and nothing is left.
            return None;
        }
        let estimated = queue.estimate_batch(&slices);
        let paced = pace.of(estimated);
        entry.running += 1;
        self.running.batches += 1;
        self.running.estimated += paced.as_secs_f64();
        entry.tag = tag + paced.as_secs_f64();
        if !entry.waiting.is_empty() {
            entry.tag = self.line.join(id, entry.tag);
        }
        Some(Batch { queue, slices, estimated, paced })
    }

    /// A batch has run.
    pub(super) fn ended(&mut self, kind: Kind, batch: &Batch, took: Took, end: End) {
        self.running.batches -= 1;
        self.running.stands &= kind != Kind::Standing;
        self.running.estimated = match self.running.batches {
            0 => 0.0,
            _ => (self.running.estimated - batch.paced.as_secs_f64()).max(0.0),
        };
        let Some(entry) = self.queues.get_mut(&batch.queue.id) else { return };
        entry.running -= 1;
        entry.tag += took.own().as_secs_f64() - batch.paced.as_secs_f64();
        if end == End::Alone && !batch.estimated.is_zero() {
            // Who waits in the queue waits for the others as well.
            entry.pace.add(batch.estimated, took.wall);
        }
    }
}

impl Entry {
    /// When the queue may be served although the batch that is worth forming is not full;
    /// `None` if at once.
    fn ready_at(&self, now: Instant) -> Option<Instant> {
        let delay = self.queue.delay();
        if delay.is_zero() {
            return None;
        }
        let enough = self.queue.batch_rows.unwrap_or(1);
        let (oldest, rows) = self.waiting.oldest_and_rows(enough)?;
        (rows < enough && oldest + delay > now).then(|| oldest + delay)
    }
}
