//! Which jobs run together, and how their rows come back to them.

use std::collections::VecDeque;
use std::time::Instant;

use super::job::{Answer, Job};
use super::queue::Inner;
use crate::tensor::{Shape, Tensor, batch};

/// Takes the next jobs to run together off the queue: the first that is still wanted, and
/// those right behind it that fit beside it. Order is kept, so nobody is overtaken.
pub(super) fn take(jobs: &mut VecDeque<Job>, max_rows: usize, now: Instant) -> Vec<Job> {
    let mut taken: Vec<Job> = Vec::new();
    let mut rows = 0;
    while let Some(next) = jobs.pop_front() {
        let Some(job) = next.if_wanted(now) else { continue };
        let fits = taken.first().is_none_or(|first| match (first.rows, job.rows) {
            (Some(_), Some(more)) => rows + more <= max_rows && joinable(first, &job),
            _ => false,
        });
        if !fits {
            jobs.push_front(job);
            break;
        }
        rows += job.rows.unwrap_or(max_rows);
        taken.push(job);
        if rows >= max_rows {
            break;
        }
    }
    taken
}

/// Same types and same dimensions apart from the rows.
fn joinable(left: &Job, right: &Job) -> bool {
    left.inputs.iter().zip(&right.inputs).all(|(a, b)| {
        a.data_type() == b.data_type() && a.shape().dims().get(1..) == b.shape().dims().get(1..)
    })
}

/// Runs several jobs as one batch. `None` if that did not work out, for whatever reason:
/// then they run alone, and only the one at fault fails.
pub(super) fn run_together(queue: &Inner, jobs: &[Job]) -> Option<Vec<Answer>> {
    let counts: Vec<usize> = jobs.iter().map(|job| job.rows).collect::<Option<_>>()?;
    let started = Instant::now();
    let inputs: Vec<Tensor> = (0..jobs.first()?.inputs.len())
        .map(|input| batch::concat(&jobs.iter().map(|job| &job.inputs[input]).collect::<Vec<_>>()))
        .collect::<Option<_>>()?;
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let outputs = queue.model.joined_plan(&shapes)?.run(&inputs).ok()?;
    let infer = started.elapsed();
    let columns: Vec<Vec<Tensor>> =
        outputs.iter().map(|output| batch::split(output, &counts)).collect::<Option<_>>()?;
    let rows = counts.iter().sum();
    queue.metrics.batch_rows.observe(as_metric(Some(rows)));
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    jobs.iter()
        .map(|job| {
            let outputs = columns.iter_mut().map(Iterator::next).collect::<Option<_>>()?;
            let queued = started - job.arrived;
            Some(Answer { outputs, queued, infer, batch_rows: Some(rows) })
        })
        .collect()
}

/// A run of a model that does not count rows counts as one.
pub(super) fn as_metric(rows: Option<usize>) -> f64 {
    f64::from(u32::try_from(rows.unwrap_or(1)).unwrap_or(u32::MAX))
}
