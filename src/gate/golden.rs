//! Golden examples: requests whose answers are known, and must come again.

mod compare;
mod file;

use std::sync::Arc;

use super::runner::{self, Named};
use super::{Bar, Candidate, Checked, Figure, Verdict, example};
use crate::repository::GoldenPolicy;
use crate::tensor::Tensor;
pub(super) use file::{Golden, read};

/// `first` becomes the first example.
pub(super) fn check(
    candidate: &Candidate,
    first: &mut Option<Arc<str>>,
    figures: &mut Vec<Figure>,
) -> Checked {
    let policy = candidate.settings.gate.golden;
    if policy == GoldenPolicy::Off {
        return Ok(Verdict::Skipped("golden = \"off\"".to_owned()));
    }
    let Some(path) = &candidate.files.golden else {
        return match policy {
            GoldenPolicy::Required => {
                Err("golden.json is not there, and golden is \"required\"".to_owned())
            }
            GoldenPolicy::IfPresent | GoldenPolicy::Off => {
                Ok(Verdict::Skipped("there is no golden.json".to_owned()))
            }
        };
    };
    let golden = read(path)?;
    let example = golden.examples.first().and_then(|it| example::of_golden(&it.inputs));
    *first = example.map(Arc::from);
    let mut used: f64 = 0.0;
    for (number, example) in golden.examples.iter().enumerate() {
        let share = holds(candidate, &golden, &example.inputs, &example.outputs)
            .map_err(|reason| format!("example {number}: {reason}"))?;
        used = used.max(share);
    }
    figures.push(Figure::of("tolerance", used, Some(Bar::AtMost(1.0))));
    let (count, percent) = (golden.examples.len(), used * 100.0);
    let noun = if count == 1 { "example holds" } else { "examples hold" };
    Ok(Verdict::Passed(format!("{count} {noun}, at most {percent:.0} % of the tolerance is used")))
}

/// The largest part of the tolerance that a number takes.
fn holds(
    candidate: &Candidate,
    golden: &Golden,
    inputs: &[Named],
    expected: &[Named],
) -> Result<f64, String> {
    let signature = candidate.loaded.signature();
    let inputs = runner::in_order(signature, inputs)?;
    let outputs: Vec<Tensor> = runner::run(candidate.loaded, &inputs, candidate.cancelled)?;
    let mut used: f64 = 0.0;
    for Named { name, tensor } in expected {
        let came = signature.output(name).and_then(|(place, _)| outputs.get(place));
        let came = came.ok_or_else(|| format!("the model has no output '{name}'"))?;
        let share = compare::compare(tensor, came, golden.tolerance)
            .map_err(|difference| format!("output '{name}'{difference}"))?;
        used = used.max(share);
    }
    Ok(used)
}
