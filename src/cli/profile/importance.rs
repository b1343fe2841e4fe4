//! How much the predictions lean on each input: the model runs over a sample once for each.

use super::passes::{BATCH, Source};
use crate::cli::progress::Line;
use crate::drift::{Profile, Sample, importances};
use crate::tensor::Tensor;
use crate::tensor::batch::{concat, concat_rows};

/// By name; empty where the rows cannot be put together or nothing moves the predictions.
pub(super) fn of(
    source: &Source,
    profile: &Profile,
    sample: Option<Sample>,
) -> Result<Vec<(String, f64)>, String> {
    let Some(inputs) = sample.and_then(Sample::finish) else { return Ok(Vec::new()) };
    let weighed: Vec<&str> = profile.inputs().map(|feature| feature.name.as_str()).collect();
    let (signature, mut line, mut rows) = (source.signature(), Line::new("weighing inputs"), 0);
    let size = signature.rows_of_a_run(BATCH)?;
    importances(signature, &weighed, &inputs, |inputs| {
        rows += inputs.first().and_then(Tensor::rows).unwrap_or(0);
        line.at(rows, None);
        in_runs(source, inputs, size)
    })
}

fn in_runs(source: &Source, inputs: &[Tensor], size: usize) -> Result<Vec<Tensor>, String> {
    let rows = inputs.first().and_then(Tensor::rows).unwrap_or(0);
    let mut outputs: Vec<Vec<Tensor>> = Vec::new();
    for first in (0..rows).step_by(size) {
        let range = first..rows.min(first + size);
        let part = inputs.iter().map(|input| concat_rows(&[(input, range.clone())]));
        let part: Vec<Tensor> = part.collect::<Option<_>>().ok_or("inputs have no rows")?;
        outputs.push(source.run(&part)?);
    }
    let of = |place: usize| {
        let parts: Vec<&Tensor> = outputs.iter().filter_map(|part| part.get(place)).collect();
        concat(&parts).ok_or_else(|| "predictions have no rows".to_owned())
    };
    (0..source.signature().outputs.len()).map(of).collect()
}
