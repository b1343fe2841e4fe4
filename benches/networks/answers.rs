//! Whether all give the same answers: a fast wrong answer is no figure.

use onnxd::engine::Signature;
use onnxd::tensor::{Data, Tensor};
use serde_json::Value;

/// Sums in another order differ by this much of the largest value after a hundred layers.
const FROM_ONNXRUNTIME: f64 = 1e-3;
const FROM_STOCK: f64 = 1e-4;

/// With passes and without.
pub fn check_alike(model: &str, signature: &Signature, found: &[Tensor], expected: &[Tensor]) {
    for ((spec, found), expected) in signature.outputs.iter().zip(found).zip(expected) {
        close(model, &spec.name, &floats(found), &floats(expected), FROM_STOCK);
    }
}

pub fn check(model: &str, signature: &Signature, found: &[Tensor], expected: &Value) {
    for (spec, tensor) in signature.outputs.iter().zip(found) {
        let all = expected.as_array().unwrap();
        let output = all.iter().find(|output| output["name"] == *spec.name).unwrap();
        let data = output["data"].as_array().unwrap().iter();
        let expected: Vec<f64> = data.map(|value| value.as_f64().unwrap()).collect();
        close(model, &spec.name, &floats(tensor), &expected, FROM_ONNXRUNTIME);
    }
}

fn close(model: &str, output: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{model}: output '{output}'");
    let largest = expected.iter().fold(0f64, |largest, value| largest.max(value.abs()));
    let furthest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(
        furthest <= tolerance * largest,
        "{model}: output '{output}' differs by {furthest} where the largest value is {largest}"
    );
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    match tensor.data() {
        Data::Fp32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        // Labels are near enough to each other only if they are the same.
        #[expect(clippy::cast_precision_loss, reason = "labels are small")]
        Data::Int64(values) => values.iter().map(|&value| value as f64).collect(),
        Data::Bool(values) => values.iter().map(|&value| f64::from(value)).collect(),
        other => panic!("an output of {:?}", other.data_type()),
    }
}
