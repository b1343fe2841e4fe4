//! Whether both give the same answers: a fast wrong answer is no figure.

use onnxd::engine::Signature;
use onnxd::tensor::{Data, Tensor};
use serde_json::Value;

/// Labels equal, scores within 1e-5 of onnxruntime's.
pub fn check(model: &str, signature: &Signature, found: &[Tensor], expected: &Value) {
    for (spec, tensor) in signature.outputs.iter().zip(found) {
        let all = expected.as_array().unwrap();
        let output = all.iter().find(|output| output["name"] == *spec.name).unwrap();
        let data = output["data"].as_array().unwrap();
        let different = match tensor.data() {
            Data::Int64(values) => {
                values.iter().zip(data).filter(|(a, b)| b.as_i64() != Some(**a)).count()
            }
            Data::Fp32(values) => values.iter().zip(data).filter(|(a, b)| !close(**a, b)).count(),
            other => panic!("{model}: output '{}' is {:?}", spec.name, other.data_type()),
        };
        assert_eq!(tensor.shape().elements(), data.len(), "{model}: output '{}'", spec.name);
        assert_eq!(different, 0, "{model}: output '{}' differs in so many values", spec.name);
    }
}

fn close(found: f32, expected: &Value) -> bool {
    let (found, expected) = (f64::from(found), expected.as_f64().unwrap());
    (found - expected).abs() <= 1e-5 * expected.abs().max(1e-1)
}
