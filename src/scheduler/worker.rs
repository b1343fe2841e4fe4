//! A worker thread: takes the first queue in line, runs one batch of it, and goes on.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::job::Job;
use super::queue::Inner;
use super::{Shared, batch};

pub(super) fn run(shared: &Shared) {
    while let Some(queue) = next_queue(shared) {
        let jobs = take_jobs(shared, &queue);
        run_jobs(&queue, jobs);
    }
}

fn next_queue(shared: &Shared) -> Option<Arc<Inner>> {
    let mut state = shared.lock();
    loop {
        if let Some(queue) = state.line.pop_front() {
            return Some(queue);
        }
        if state.closed {
            return None;
        }
        state = shared.work_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Takes one batch, and puts the queue back at the end of the line if more waits in it.
fn take_jobs(shared: &Shared, queue: &Arc<Inner>) -> Vec<Job> {
    let mut waiting = queue.lock();
    let jobs = batch::take(&mut waiting.jobs, queue.batch_rows(), Instant::now());
    queue.report_depth(&waiting);
    waiting.in_line = !waiting.jobs.is_empty();
    let more = waiting.in_line;
    drop(waiting);
    if more {
        shared.lock().line.push_back(Arc::clone(queue));
        shared.work_arrived.notify_one();
    }
    jobs
}

fn run_jobs(queue: &Inner, jobs: Vec<Job>) {
    if jobs.len() > 1
        && let Some(answers) = batch::run_together(queue, &jobs)
    {
        for (job, answer) in jobs.into_iter().zip(answers) {
            job.answer(Ok(answer));
        }
        return;
    }
    for job in jobs {
        // Time passes while the others of a failed batch run.
        if let Some(job) = job.if_wanted(Instant::now()) {
            let result = queue.run_alone(job.plan.as_ref(), &job.inputs, job.rows, job.arrived);
            job.answer(result);
        }
    }
}
