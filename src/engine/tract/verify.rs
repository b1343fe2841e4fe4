//! The self-tests of the warm-up: does a plan reproduce another, do rows stand alone.

use crate::engine::Plan;
use crate::tensor::{Tensor, batch};

/// Differences that reordered sums explain; relative to the largest value of the output.
const TOLERANCE: f64 = 1e-3;

/// Whether two results are the same up to rounding: same shapes, floats within
/// [`TOLERANCE`] of the output's largest magnitude, everything else equal.
pub(super) fn same(left: &[Tensor], right: &[Tensor]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same_tensor(a, b))
}

fn same_tensor(left: &Tensor, right: &Tensor) -> bool {
    if left.shape() != right.shape() {
        return false;
    }
    match (floats(left), floats(right)) {
        (Some(left), Some(right)) => {
            let largest =
                left.iter().filter(|v| v.is_finite()).fold(0f64, |max, v| max.max(v.abs()));
            let close = |a: f64, b: f64| {
                a.to_bits() == b.to_bits()
                    || (a.is_nan() && b.is_nan())
                    || (a - b).abs() <= TOLERANCE * largest
            };
            left.iter().zip(&right).all(|(&a, &b)| close(a, b))
        }
        _ => left == right,
    }
}

fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    use crate::tensor::Data;
    match tensor.data() {
        Data::Fp16(values) => Some(values.iter().map(|v| v.to_f64()).collect()),
        Data::Fp32(values) => Some(values.iter().map(|&v| v.into()).collect()),
        Data::Fp64(values) => Some(values.clone()),
        _ => None,
    }
}

/// Runs the rows together and alone. `Ok` if every output has one row per input row and
/// both ways agree; otherwise the reason.
pub(super) fn rows_stand_alone(
    together: &dyn Plan,
    alone: &dyn Plan,
    inputs: &[Tensor],
    rows: usize,
) -> Result<(), String> {
    let joint =
        together.run(inputs).map_err(|error| format!("several rows do not run: {error}"))?;
    if joint.iter().any(|output| output.rows() != Some(rows)) {
        return Err("an output does not have one row for each row of the input".to_owned());
    }
    let ones = vec![1; rows];
    let split = |tensors: &[Tensor]| -> Option<Vec<Vec<Tensor>>> {
        tensors.iter().map(|tensor| batch::split(tensor, &ones)).collect()
    };
    let (Some(columns), Some(joint)) = (split(inputs), split(&joint)) else {
        return Err("inputs differ in their number of rows".to_owned());
    };
    for row in 0..rows {
        let pick = |columns: &[Vec<Tensor>]| -> Vec<Tensor> {
            columns.iter().map(|column| column[row].clone()).collect()
        };
        let single =
            alone.run(&pick(&columns)).map_err(|error| format!("one row fails: {error}"))?;
        if !same(&single, &pick(&joint)) {
            return Err("a row's result depends on the other rows".to_owned());
        }
    }
    Ok(())
}
