//! Whether a tensor is the expected one: numbers of floating types within the tolerance,
//! everything else exactly.

use std::fmt::Debug;

use super::file::Tolerance;
use crate::tensor::{Data, Tensor};

/// The largest part of the tolerance that an element takes.
///
/// # Errors
/// What follows the name of the tensor in a message.
pub(super) fn compare(
    expected: &Tensor,
    came: &Tensor,
    tolerance: Tolerance,
) -> Result<f64, String> {
    if expected.data_type() != came.data_type() {
        let (expected, came) = (expected.data_type(), came.data_type());
        return Err(format!(": expected datatype {expected}, came {came}"));
    }
    if expected.shape() != came.shape() {
        return Err(format!(": expected shape {}, came {}", expected.shape(), came.shape()));
    }
    match (expected.data(), came.data()) {
        (Data::Fp16(expected), Data::Fp16(came)) => {
            close(expected, came, tolerance, |value| value.to_f64())
        }
        (Data::Fp32(expected), Data::Fp32(came)) => {
            close(expected, came, tolerance, |value| f64::from(*value))
        }
        (Data::Fp64(expected), Data::Fp64(came)) => {
            close(expected, came, tolerance, |value| *value)
        }
        (Data::Bool(expected), Data::Bool(came)) => equal(expected, came),
        (Data::Uint8(expected), Data::Uint8(came)) => equal(expected, came),
        (Data::Uint16(expected), Data::Uint16(came)) => equal(expected, came),
        (Data::Uint32(expected), Data::Uint32(came)) => equal(expected, came),
        (Data::Uint64(expected), Data::Uint64(came)) => equal(expected, came),
        (Data::Int8(expected), Data::Int8(came)) => equal(expected, came),
        (Data::Int16(expected), Data::Int16(came)) => equal(expected, came),
        (Data::Int32(expected), Data::Int32(came)) => equal(expected, came),
        (Data::Int64(expected), Data::Int64(came)) => equal(expected, came),
        (Data::Bytes(expected), Data::Bytes(came)) => equal(expected, came),
        // The datatypes are equal, as was seen above.
        _ => Err(": its datatype cannot be compared".to_owned()),
    }
}

fn equal<T: PartialEq + Debug>(expected: &[T], came: &[T]) -> Result<f64, String> {
    match expected.iter().zip(came).enumerate().find(|(_, (expected, came))| expected != came) {
        None => Ok(0.0),
        Some((place, (expected, came))) => {
            Err(format!(", element {place}: expected {expected:?}, came {came:?}"))
        }
    }
}

fn close<T>(
    expected: &[T],
    came: &[T],
    tolerance: Tolerance,
    number: impl Fn(&T) -> f64,
) -> Result<f64, String> {
    let mut used: f64 = 0.0;
    for (place, (expected, came)) in expected.iter().zip(came).enumerate() {
        let (expected, came) = (number(expected), number(came));
        let allowed = tolerance.absolute + tolerance.relative * expected.abs();
        let difference = (came - expected).abs();
        if (expected.is_nan() && came.is_nan()) || is_same(expected, came) {
            continue;
        }
        // An infinite number has an infinite tolerance, and NaN none.
        if !expected.is_finite() || difference.is_nan() || difference > allowed {
            return Err(format!(
                ", element {place}: expected {expected}, came {came}, tolerance {allowed}"
            ));
        }
        used = used.max(difference / allowed);
    }
    Ok(used)
}

#[expect(clippy::float_cmp, reason = "infinities and exact answers have no difference")]
fn is_same(expected: f64, came: f64) -> bool {
    expected == came
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    const TOLERANCE: Tolerance = Tolerance { relative: 0.01, absolute: 0.001 };

    fn floats(values: &[f32]) -> Tensor {
        let shape = Shape::new(vec![values.len()]).unwrap();
        Tensor::new(shape, values.to_vec().into()).unwrap()
    }

    fn of(expected: &[f32], came: &[f32]) -> Result<f64, String> {
        compare(&floats(expected), &floats(came), TOLERANCE)
    }

    #[test]
    fn numbers_may_differ_by_the_tolerance_and_no_more() {
        let used = of(&[100.0, 0.0], &[100.5, 0.0005]).unwrap();
        assert!((used - 0.5).abs() < 1e-3, "{used}");
        let message = of(&[1.0, 100.0], &[1.0, 102.0]).unwrap_err();
        assert_eq!(message, ", element 1: expected 100, came 102, tolerance 1.001");
    }

    #[test]
    fn what_is_not_finite_must_be_the_same() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(of(&odd, &odd), Ok(0.0));
        assert!(of(&[f32::NAN], &[1.0]).is_err() && of(&[1.0], &[f32::NAN]).is_err());
        assert!(of(&[f32::INFINITY], &[1.0]).is_err() && of(&[1.0], &[f32::INFINITY]).is_err());
        assert!(of(&[f32::INFINITY], &[f32::NEG_INFINITY]).is_err());
    }

    #[test]
    fn integers_texts_types_and_shapes_are_exact() {
        let shape = || Shape::new(vec![2]).unwrap();
        let whole = |values: Vec<i64>| Tensor::new(shape(), values.into()).unwrap();
        let message = compare(&whole(vec![1000, 2]), &whole(vec![1001, 2]), TOLERANCE).unwrap_err();
        assert_eq!(message, ", element 0: expected 1000, came 1001");
        let message = compare(&whole(vec![1, 2]), &floats(&[1.0, 2.0]), TOLERANCE).unwrap_err();
        assert_eq!(message, ": expected datatype INT64, came FP32");
        let message = of(&[1.0], &[1.0, 2.0]).unwrap_err();
        assert_eq!(message, ": expected shape [1], came [2]");
    }
}
