//! What waits in one queue, and which rows of it run together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::{Job, Priority, Rejection, Slice};

/// Jobs by priority, each in the order of their arrival. A job that was begun stands first,
/// with the rows that are left of it.
#[derive(Default)]
pub(super) struct Waiting {
    levels: [Level; Priority::LEVELS],
}

#[derive(Default)]
struct Level {
    jobs: VecDeque<Entry>,
    /// Seconds of work, as estimated.
    cost: f64,
}

struct Entry {
    job: Arc<Job>,
    /// The first that no worker has taken.
    next_row: usize,
}

impl Entry {
    fn rows_left(&self) -> Option<usize> {
        self.job.rows.map(|rows| rows - self.next_row)
    }

    /// Seconds of work in so many of its rows.
    fn cost_of(&self, rows: usize) -> f64 {
        let all = self.job.rows.unwrap_or(1).max(1);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let share = rows as f64 / all as f64;
        self.job.cost * share
    }

    fn cost_left(&self) -> f64 {
        match self.rows_left() {
            Some(left) if self.job.rows != Some(0) => self.cost_of(left),
            _ => self.job.cost,
        }
    }
}

impl Waiting {
    pub(super) fn push(&mut self, job: Arc<Job>) {
        let level = &mut self.levels[job.priority.level()];
        level.cost += job.cost;
        level.jobs.push_back(Entry { job, next_row: 0 });
    }

    pub(super) fn len(&self) -> usize {
        self.levels.iter().map(|level| level.jobs.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| level.jobs.is_empty())
    }

    /// Seconds of work that go before a job of this priority that comes now.
    pub(super) fn cost_before(&self, priority: Priority) -> f64 {
        self.levels[..=priority.level()].iter().map(|level| level.cost).sum()
    }

    /// Seconds of work.
    pub(super) fn cost(&self) -> f64 {
        self.levels.iter().map(|level| level.cost).sum()
    }

    /// Forgets those whose callers are gone: they must not keep others out.
    pub(super) fn forget_gone(&mut self) {
        for level in &mut self.levels {
            level.jobs.retain(|entry| !entry.job.is_over());
            level.cost = level.jobs.iter().map(Entry::cost_left).sum();
        }
    }

    /// When the longest waiting one came, and the rows that wait, up to `enough`.
    pub(super) fn oldest_and_rows(&self, enough: usize) -> Option<(Instant, usize)> {
        let entries = || self.levels.iter().flat_map(|level| &level.jobs);
        let oldest = entries().map(|entry| entry.job.arrived).min()?;
        let mut rows = 0;
        for entry in entries() {
            rows += entry.rows_left().unwrap_or(enough);
            if rows >= enough {
                break;
            }
        }
        Some((oldest, rows))
    }

    /// Takes what runs next: rows of the first job that is still wanted, `most` at most, and
    /// those right behind it that fit beside them. Order is kept, so nobody is overtaken.
    /// `takes` estimates how long a job would still take: a job that could not be answered
    /// in time is refused instead.
    pub(super) fn take(
        &mut self,
        most: usize,
        now: Instant,
        takes: impl Fn(&Job) -> Duration,
    ) -> Vec<Slice> {
        let mut taken = Taken { slices: Vec::new(), rows: 0, most };
        for level in &mut self.levels {
            while let Some(entry) = level.jobs.front_mut() {
                if is_wanted(&entry.job, now, &takes) {
                    let Some((slice, cost)) = taken.add(entry) else { return taken.slices };
                    level.cost -= cost;
                    let all = entry.rows_left().is_none_or(|left| left == 0);
                    taken.slices.push(slice);
                    if all {
                        level.jobs.pop_front();
                    }
                } else {
                    level.cost -= entry.cost_left();
                    level.jobs.pop_front();
                }
                if level.jobs.is_empty() {
                    // Sums of many estimates drift.
                    level.cost = 0.0;
                }
                if taken.rows >= most {
                    return taken.slices;
                }
            }
        }
        taken.slices
    }
}

/// Ends a job that is not worth running: nobody waits for it, or it has waited so long that
/// it cannot be in time any more. What takes longer than allowed by itself may try.
fn is_wanted(job: &Job, now: Instant, takes: &impl Fn(&Job) -> Duration) -> bool {
    if job.is_over() {
        return false;
    }
    if now >= job.deadline {
        job.reject_late();
        return false;
    }
    let takes = takes(job);
    if now + takes > job.deadline && job.arrived + takes <= job.deadline {
        job.reject(Rejection::WouldBeLate {
            estimated: now.saturating_duration_since(job.arrived) + takes,
            allowed: job.allowed,
        });
        return false;
    }
    true
}

struct Taken {
    slices: Vec<Slice>,
    rows: usize,
    most: usize,
}

impl Taken {
    /// The rows of this job that still fit, and their cost; `None` if it must wait for
    /// another run.
    fn add(&mut self, entry: &mut Entry) -> Option<(Slice, f64)> {
        let job = Arc::clone(&entry.job);
        let joins = self.slices.first().is_none_or(|first| joinable(&first.job, &job));
        let Some(left) = entry.rows_left() else {
            // Without rows it runs alone.
            let alone = self.slices.is_empty();
            self.rows = self.most;
            return alone.then(|| (Slice { job, rows: None }, entry.cost_left()));
        };
        if !joins {
            return None;
        }
        let rows = left.min(self.most - self.rows);
        let range = entry.next_row..entry.next_row + rows;
        let cost = if left == rows { entry.cost_left() } else { entry.cost_of(rows) };
        entry.next_row += rows;
        self.rows += rows;
        Some((Slice { job, rows: Some(range) }, cost))
    }
}

/// Same types and same dimensions apart from the rows.
fn joinable(left: &Job, right: &Job) -> bool {
    left.rows.is_some()
        && left.inputs.iter().zip(&right.inputs).all(|(a, b)| {
            a.data_type() == b.data_type() && a.shape().dims().get(1..) == b.shape().dims().get(1..)
        })
}
