//! How long one request of one row takes, once the model is warm: processor time, since
//! loading runs when nobody else wants to.

use std::time::Duration;

use super::{Bar, Candidate, Checked, Figure, Verdict, golden, runner};
use crate::courtesy::Stopwatch;
use crate::engine::{Dim, Signature, TensorSpec};
use crate::tensor::batch::{split, zeros};
use crate::tensor::{Shape, Tensor};

/// Enough for a 99th percentile that one hiccup does not decide, if time allows.
const RUNS: usize = 1000;
/// A bound for slow models, on all runs together.
const BUDGET: Duration = Duration::from_secs(2);
/// First runs touch memory and fill caches; they are not counted.
const WARM_UP: usize = 10;
const WARM_UP_BUDGET: Duration = Duration::from_millis(500);

/// Sizes tried for open dimensions other than the rows where no example has any.
const SIZES: [usize; 5] = [1, 16, 64, 224, 32];

pub(super) fn check(candidate: &Candidate, figures: &mut Vec<Figure>) -> Checked {
    let Some(bar) = candidate.settings.gate.max_latency_p99 else {
        return Ok(Verdict::Skipped("max_latency_p99 is not set".to_owned()));
    };
    let requests = requests(candidate)?;
    measure(candidate, &requests, WARM_UP, WARM_UP_BUDGET)?;
    let mut times = measure(candidate, &requests, RUNS, BUDGET)?;
    times.sort_unstable();
    let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
    let detail = format!(
        "p99 {} (bar {}), p50 {} over {} runs of one row",
        text(p99),
        text(bar),
        text(p50),
        times.len()
    );
    let at_most = Bar::AtMost(bar.as_secs_f64());
    figures.push(Figure::of("p99_seconds", p99.as_secs_f64(), Some(at_most)));
    if p99 <= bar { Ok(Verdict::Passed(detail)) } else { Err(detail) }
}

fn measure(
    candidate: &Candidate,
    requests: &[Vec<Tensor>],
    runs: usize,
    budget: Duration,
) -> Result<Vec<Duration>, String> {
    let started = Stopwatch::start();
    let mut times = Vec::with_capacity(runs);
    for request in requests.iter().cycle().take(runs) {
        let plan = runner::plan(candidate.loaded, request, candidate.cancelled)?;
        let run = Stopwatch::start();
        plan.run(request).map_err(|error| error.to_string())?;
        times.push(run.elapsed());
        if started.elapsed() > budget {
            break;
        }
    }
    Ok(times)
}

/// The smallest time that this share of the runs did not exceed (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// A duration with three digits.
fn text(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        micros if micros < 1e3 => format!("{micros:.0} us"),
        micros if micros < 1e6 => format!("{:.2} ms", micros / 1e3),
        micros => format!("{:.2} s", micros / 1e6),
    }
}

/// The golden examples, one row of each, or made-up values.
fn requests(candidate: &Candidate) -> Result<Vec<Vec<Tensor>>, String> {
    let signature = candidate.loaded.signature();
    // Whether the examples hold is not decided here: a damaged file is as good as none.
    let golden = candidate.files.golden.as_deref().and_then(|path| golden::read(path).ok());
    let examples = golden.map_or_else(Vec::new, |golden| golden.examples);
    let fitting: Vec<Vec<Tensor>> = examples
        .iter()
        .filter_map(|example| runner::in_order(signature, &example.inputs).ok())
        .map(|inputs| first_row(signature, inputs))
        .collect();
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    let mut reason = "no shape is known".to_owned();
    for size in SIZES {
        let Some(inputs) = zeros_of(signature, size) else { continue };
        match runner::run(candidate.loaded, &inputs, candidate.cancelled) {
            Ok(_) => return Ok(vec![inputs]),
            Err(error) => reason = error,
        }
    }
    Err(format!("cannot be measured on made-up values, add a golden.json: {reason}"))
}

/// The first row where the leading axis of every input counts rows.
fn first_row(signature: &Signature, inputs: Vec<Tensor>) -> Vec<Tensor> {
    let is_open = |dims: &Vec<Dim>| dims.first().is_some_and(|dim| !matches!(dim, Dim::Fixed(_)));
    let has_rows = signature.inputs.iter().all(|spec| spec.dims.as_ref().is_some_and(is_open));
    let rows: Vec<Option<usize>> = inputs.iter().map(Tensor::rows).collect();
    let Some(count) = rows.first().copied().flatten().filter(|count| *count > 1) else {
        return inputs;
    };
    if !has_rows || rows.iter().any(|rows| *rows != Some(count)) {
        return inputs;
    }
    let first = |input: &Tensor| split(input, &[1, count - 1])?.into_iter().next();
    inputs.iter().map(first).collect::<Option<Vec<_>>>().unwrap_or(inputs)
}

fn zeros_of(signature: &Signature, size: usize) -> Option<Vec<Tensor>> {
    let tensors = signature.inputs.iter().map(|spec| {
        let shape = one_row(spec, size)?;
        Some(zeros(shape, spec.data_type))
    });
    tensors.collect()
}

/// The shape of one row where what else is left open has this size.
pub(super) fn one_row(spec: &TensorSpec, size: usize) -> Option<Shape> {
    let unknown_rank = [Dim::Unknown, Dim::Unknown];
    let dims = spec.dims.as_deref().unwrap_or(&unknown_rank).iter().enumerate();
    let dims = dims.map(|(axis, dim)| match dim {
        Dim::Fixed(size) => *size,
        Dim::Symbol(_) | Dim::Unknown if axis == 0 => 1,
        Dim::Symbol(_) | Dim::Unknown => size,
    });
    Shape::new(dims.collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&times, 50), Duration::from_micros(100));
        assert_eq!(percentile(&times, 99), Duration::from_micros(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_micros(1));
    }
}
