//! A worker thread: takes what is next, runs it, and goes on.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::{Ran, Rejection, Slice};
use super::precedence::{GivingWay, Precedence};
use super::queue::Inner;
use super::{Batch, End, Kind, Shared, Took};
use crate::courtesy;
use crate::engine::{RunControl, RunError};
use crate::tensor::{Shape, Tensor, batch};

pub(super) fn run(shared: &Shared, kind: Kind) {
    while let Some(batch) = shared.next(kind) {
        let started = Instant::now();
        let precedence = &shared.precedence;
        let (end, stood) = match kind {
            Kind::Any => run_batch(shared, &batch, Some(precedence)),
            Kind::Standing => precedence.take(|| run_batch(shared, &batch, None)),
        };
        shared.ended(kind, &batch, Took { wall: started.elapsed(), stood }, end);
    }
}

/// Runs the slices together, or one by one where that does not work out, for whatever
/// reason: then only the one at fault fails. Returns what that was, and how long of it others
/// had the core.
fn run_batch(shared: &Shared, batch: &Batch, to: Option<&Arc<Precedence>>) -> (End, Duration) {
    match GivingWay::start(to, batch.estimated).map(Rc::new) {
        None => (run_slices(shared, batch), Duration::ZERO),
        Some(way) => {
            let end = courtesy::with(Rc::clone(&way) as _, || run_slices(shared, batch));
            (end, way.stood())
        }
    }
}

fn run_slices(shared: &Shared, batch: &Batch) -> End {
    let help = Help::new(shared, batch);
    let ran = match batch.slices.as_slice() {
        [slice] => run_alone(&batch.queue, slice, &help),
        slices => {
            let joined = run_together(&batch.queue, slices, &help);
            if !joined {
                for slice in slices {
                    run_alone(&batch.queue, slice, &help);
                }
            }
            joined
        }
    };
    if ran { help.end() } else { End::Unlike }
}

fn run_together(queue: &Inner, slices: &[Slice], help: &Help) -> bool {
    let unwanted = || slices.iter().all(|slice| slice.job.is_unwanted());
    let spread = || help.ask();
    let control = RunControl::default().stop_if(&unwanted).spread_if(&spread);
    let started = Instant::now();
    let Some((rows, outputs)) = joined_outputs(queue, slices, &control) else { return false };
    let infer = started.elapsed();
    for (slice, outputs) in slices.iter().zip(outputs) {
        slice.ran(outputs, Ran { started, infer, rows: Some(rows) });
    }
    true
}

/// Runs all slices as one batch; its rows, and the outputs of each slice.
fn joined_outputs(
    queue: &Inner,
    slices: &[Slice],
    control: &RunControl,
) -> Option<(usize, Vec<Vec<Tensor>>)> {
    let counts: Vec<usize> = slices.iter().map(Slice::count).collect::<Option<_>>()?;
    let first = slices.first()?;
    let inputs: Vec<Tensor> = (0..first.job.inputs.len())
        .map(|input| {
            let parts =
                slices.iter().map(|slice| Some((&slice.job.inputs[input], slice.rows.clone()?)));
            batch::concat_rows(&parts.collect::<Option<Vec<_>>>()?)
        })
        .collect::<Option<_>>()?;
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let plan = queue.model.joined_plan(&shapes)?;
    let rows = counts.iter().sum();
    let outputs = queue.run(plan.as_ref(), &inputs, control).ok()?;
    let columns: Vec<Vec<Tensor>> =
        outputs.iter().map(|output| batch::split(output, &counts)).collect::<Option<_>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let rows_of = |_| columns.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>();
    Some((rows, slices.iter().map(rows_of).collect::<Option<_>>()?))
}

/// Returns whether it ran to the end.
fn run_alone(queue: &Inner, slice: &Slice, help: &Help) -> bool {
    let job = &slice.job;
    // Time passes while the others of a failed batch run.
    if job.is_unwanted() {
        job.reject_late();
        return false;
    }
    let unwanted = || job.is_unwanted();
    let spread = || help.ask();
    let control = RunControl::default().stop_if(&unwanted).spread_if(&spread);
    let started = Instant::now();
    let outputs = alone(queue, slice, &control);
    let ran = outputs.is_ok();
    match outputs {
        Ok(outputs) => {
            slice.ran(outputs, Ran { started, infer: started.elapsed(), rows: slice.count() });
        }
        Err(RunError::Stopped) => job.reject_late(),
        Err(error) => job.reject(Rejection::Run(error)),
    }
    ran
}

fn alone(queue: &Inner, slice: &Slice, control: &RunControl) -> Result<Vec<Tensor>, RunError> {
    let plan = &slice.job.plan;
    if slice.is_whole() {
        return queue.run(plan.as_ref(), &slice.job.inputs, control);
    }
    let inputs = slice.inputs().ok_or_else(|| RunError::Operator {
        reason: "the inputs differ in their number of rows".to_owned(),
    })?;
    // The job's own plan may be one for full slices only.
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let fitting = queue.model.joined_plan(&shapes);
    let outputs = queue.run(fitting.as_ref().unwrap_or(plan).as_ref(), &inputs, control)?;
    let rows = slice.count();
    if outputs.iter().any(|output| output.rows() != rows) {
        let reason = "an output does not have one row for each row of the input".to_owned();
        return Err(RunError::Operator { reason });
    }
    Ok(outputs)
}

/// Further cores for a long run while they stand idle.
struct Help<'a> {
    shared: &'a Shared,
    wanted: bool,
    asked: Cell<u32>,
    given: Cell<u32>,
}

impl<'a> Help<'a> {
    fn new(shared: &'a Shared, batch: &Batch) -> Self {
        let queue = &batch.queue;
        let wanted = queue.limits.idle_cores && queue.spread.wants_help(batch.estimated);
        Self { shared, wanted, asked: Cell::new(0), given: Cell::new(0) }
    }

    fn ask(&self) -> bool {
        let given = self.wanted && self.shared.has_idle_worker();
        self.asked.set(self.asked.get() + 1);
        self.given.set(self.given.get() + u32::from(given));
        given
    }

    /// What the run says: nearly all operators had help, or none.
    fn end(&self) -> End {
        const NEARLY_ALL: f64 = 0.9;
        let (asked, given) = (f64::from(self.asked.get()), f64::from(self.given.get()));
        match self.given.get() {
            0 => End::Alone,
            _ if given >= asked * NEARLY_ALL => End::Helped,
            _ => End::Unlike,
        }
    }
}
