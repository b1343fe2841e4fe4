//! Whether callers of the live version may go on as they do: each request that it accepts is
//! accepted, and finds the outputs that it has now.

use super::{Candidate, Checked, Verdict};
use crate::engine::{Columns, Dim, Signature, TensorSpec};
use crate::repository::SignaturePolicy;

pub(super) fn check(candidate: &Candidate) -> Checked {
    if candidate.settings.gate.signature == SignaturePolicy::Any {
        return Ok(Verdict::Skipped("signature = \"any\"".to_owned()));
    }
    let Some((version, live)) = candidate.live else {
        return Ok(Verdict::Skipped("no version is live".to_owned()));
    };
    let problems = problems(live.signature(), candidate.loaded.signature());
    if problems.is_empty() {
        return Ok(Verdict::Passed(format!("compatible with live version {version}")));
    }
    Err(format!("compared with live version {version}: {}", problems.join("; ")))
}

fn problems(live: &Signature, new: &Signature) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ties = Ties::default();
    for expected in &live.inputs {
        match new.input(&expected.name) {
            None => problems.push(format!("input '{}' is gone", expected.name)),
            Some((_, came)) => {
                problems.extend(input_problem(expected, came));
                problems.extend(ties.problem(expected, came));
            }
        }
    }
    for added in new.inputs.iter().filter(|spec| live.input(&spec.name).is_none()) {
        problems.push(format!("input '{}' is new, and requests do not have it", added.name));
    }
    for expected in &live.outputs {
        match new.output(&expected.name) {
            None => problems.push(format!("output '{}' is gone", expected.name)),
            Some((_, came)) => {
                let problem = data_type(expected, came).or_else(|| columns(expected, came, false));
                problems.extend(problem.map(|text| format!("output '{}': {text}", came.name)));
            }
        }
    }
    problems
}

fn input_problem(live: &TensorSpec, new: &TensorSpec) -> Option<String> {
    let problem = data_type(live, new)
        .or_else(|| (!accepts_dims(live, new)).then(|| shapes(live, new)))
        .or_else(|| columns(live, new, true));
    problem.map(|text| format!("input '{}': {text}", new.name))
}

fn data_type(live: &TensorSpec, new: &TensorSpec) -> Option<String> {
    let (expected, came) = (live.data_type, new.data_type);
    (expected != came).then(|| format!("expected datatype {expected}, came {came}"))
}

fn shapes(live: &TensorSpec, new: &TensorSpec) -> String {
    format!("expected shape {}, came {}", live.shape_text(), new.shape_text())
}

fn accepts_dims(live: &TensorSpec, new: &TensorSpec) -> bool {
    match (&live.dims, &new.dims) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(live), Some(new)) => {
            let accepts = |(live, new): (&Dim, &Dim)| match new {
                Dim::Fixed(_) => live == new,
                Dim::Symbol(_) | Dim::Unknown => true,
            };
            live.len() == new.len() && live.iter().zip(new).all(accepts)
        }
    }
}

/// Columns that moved would be filled with, or read as, something else without anybody
/// noticing.
fn columns(live: &TensorSpec, new: &TensorSpec, exactly: bool) -> Option<String> {
    let (live, new) = (live.columns.as_ref()?, new.columns.as_ref()?);
    let (expected, came) = (live.names(), new.names());
    if let Some(place) = expected.iter().zip(came).position(|(expected, came)| expected != came) {
        let (expected, came) = (&expected[place], &came[place]);
        return Some(format!("expected column {place} to be '{expected}', came '{came}'"));
    }
    let count = |columns: &Columns| columns.names().len();
    let fits = if exactly { count(live) == count(new) } else { count(live) <= count(new) };
    (!fits).then(|| format!("expected {} columns, came {}", count(live), count(new)))
}

/// Dimensions that the new version wants to be of one size, and what they are in the live one.
#[derive(Default)]
struct Ties<'a>(Vec<(&'a str, &'a Dim, &'a str)>);

impl<'a> Ties<'a> {
    fn problem(&mut self, live: &'a TensorSpec, new: &'a TensorSpec) -> Option<String> {
        let (dims, new_dims) = (live.dims.as_deref()?, new.dims.as_deref()?);
        // Leading axes are left out: they count the rows of a request, which agree in practice
        // whether a file says so or not.
        for (dim, new_dim) in dims.iter().zip(new_dims).skip(1) {
            let Dim::Symbol(symbol) = new_dim else { continue };
            let Some((_, first, input)) = self.0.iter().find(|(known, ..)| known == symbol) else {
                self.0.push((symbol, dim, &live.name));
                continue;
            };
            if *first != dim || *dim == Dim::Unknown {
                return Some(format!(
                    "input '{}': '{symbol}' must now be of one size here and in input '{input}'; {}",
                    live.name,
                    shapes(live, new)
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Label, Role};
    use crate::tensor::DataType;

    fn spec(name: &str, data_type: DataType, dims: &[&str]) -> TensorSpec {
        let dim = |text: &&str| match (text.parse(), *text) {
            (Ok(size), _) => Dim::Fixed(size),
            (_, "?") => Dim::Unknown,
            (_, symbol) => Dim::Symbol(symbol.to_owned()),
        };
        let dims = Some(dims.iter().map(dim).collect());
        TensorSpec { name: name.to_owned(), data_type, dims, columns: None }
    }

    fn with_columns(names: &[&str]) -> TensorSpec {
        let names = names.iter().map(|name| Label::Text((*name).to_owned())).collect();
        let columns = Some(Columns::new(names, Role::Features).unwrap());
        TensorSpec { columns, ..spec("x", DataType::Fp32, &["N", "?"]) }
    }

    fn of_inputs(live: &[TensorSpec], new: &[TensorSpec]) -> Vec<String> {
        let signature =
            |inputs: &[TensorSpec]| Signature { inputs: inputs.to_vec(), outputs: Vec::new() };
        problems(&signature(live), &signature(new))
    }

    fn of_shapes(live: &[&str], new: &[&str]) -> Vec<String> {
        of_inputs(&[spec("x", DataType::Fp32, live)], &[spec("x", DataType::Fp32, new)])
    }

    #[test]
    fn a_shape_that_accepts_more_is_compatible() {
        assert!(of_shapes(&["N", "3"], &["M", "3"]).is_empty());
        assert!(of_shapes(&["1", "3"], &["?", "N"]).is_empty());
        assert!(of_shapes(&["?", "3"], &["N", "3"]).is_empty());
    }

    #[test]
    fn a_shape_that_accepts_less_is_named_with_both_shapes() {
        let expected = ["input 'x': expected shape [N, 3], came [N, 4]"];
        assert_eq!(of_shapes(&["N", "3"], &["N", "4"]), expected);
        assert_eq!(of_shapes(&["N", "3"], &["1", "3"]).len(), 1);
        assert_eq!(of_shapes(&["N", "3"], &["N"]).len(), 1);
        assert_eq!(of_shapes(&["N", "A", "B"], &["N", "S", "S"]).len(), 1);
        assert!(of_shapes(&["N", "A", "A"], &["N", "S", "S"]).is_empty());
    }

    #[test]
    fn inputs_may_neither_go_nor_come_nor_change_their_type() {
        let (x, y) = (spec("x", DataType::Fp32, &["N"]), spec("y", DataType::Fp32, &["N"]));
        assert_eq!(
            of_inputs(&[x.clone(), y.clone()], std::slice::from_ref(&x)),
            ["input 'y' is gone"]
        );
        assert_eq!(
            of_inputs(std::slice::from_ref(&x), &[x.clone(), y]),
            ["input 'y' is new, and requests do not have it"]
        );
        assert_eq!(
            of_inputs(&[x], &[spec("x", DataType::Fp64, &["N"])]),
            ["input 'x': expected datatype FP32, came FP64"]
        );
    }

    #[test]
    fn columns_may_not_change_their_places() {
        assert_eq!(
            of_inputs(&[with_columns(&["hour", "temp"])], &[with_columns(&["temp", "hour"])]),
            ["input 'x': expected column 0 to be 'hour', came 'temp'"]
        );
        assert!(of_inputs(&[with_columns(&["hour"])], &[with_columns(&["hour"])]).is_empty());
    }

    #[test]
    fn outputs_may_come_but_neither_go_nor_change_their_type() {
        let signature =
            |outputs: &[TensorSpec]| Signature { inputs: Vec::new(), outputs: outputs.to_vec() };
        let (x, y) = (spec("x", DataType::Fp32, &["N"]), spec("y", DataType::Int64, &["N"]));
        let one = signature(std::slice::from_ref(&x));
        assert!(problems(&one, &signature(&[x, y.clone()])).is_empty());
        assert_eq!(problems(&one, &signature(&[y])), ["output 'x' is gone"]);
        let wide = signature(&[spec("x", DataType::Fp64, &["N"])]);
        assert_eq!(problems(&one, &wide), ["output 'x': expected datatype FP32, came FP64"]);
    }
}
