//! Requests with the answers that onnxruntime gave, and what counts as the same answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use half::f16;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Answer;

/// A request and its answer, both as they travel.
#[derive(Debug, Deserialize)]
pub struct Example {
    pub request: Value,
    pub response: Value,
}

/// How far numbers may be apart.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

/// The examples in a file, by the name of the model file.
pub fn examples(file: &Path) -> BTreeMap<String, Vec<Example>> {
    let text = fs::read(file).expect("the examples are there");
    serde_json::from_slice(&text).expect("the examples are JSON")
}

/// Fails unless the answer has the outputs of the example.
pub fn assert_answer(what: &str, answer: &Answer, expected: &Value, tolerance: Tolerance) {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    let answer = answer.json();
    let (came, wanted) = (list(&answer["outputs"]), list(&expected["outputs"]));
    assert_eq!(came.len(), wanted.len(), "{what}: {answer}");
    for wanted in wanted {
        let found = came.iter().find(|output| output["name"] == wanted["name"]);
        let found = found.unwrap_or_else(|| panic!("{what}: no {} in {answer}", wanted["name"]));
        assert_eq!(found["datatype"], wanted["datatype"], "{what}");
        assert_eq!(found["shape"], wanted["shape"], "{what}");
        assert_values(what, list(&found["data"]), list(&wanted["data"]), tolerance);
    }
}

/// The text of a JSON string.
pub fn text_of(value: &Value) -> &str {
    value.as_str().expect("it is a string")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn assert_values(what: &str, came: &[Value], wanted: &[Value], tolerance: Tolerance) {
    assert_eq!(came.len(), wanted.len(), "{what}");
    for (came, wanted) in came.iter().zip(wanted) {
        // Integers are equal or not; floats always travel with a point or an exponent.
        let close = came == wanted || (came.is_f64() && is_close(came, wanted, tolerance));
        assert!(close, "{what}: expected {wanted}, came {came}");
    }
}

fn is_close(came: &Value, wanted: &Value, tolerance: Tolerance) -> bool {
    let (Some(came), Some(wanted)) = (came.as_f64(), wanted.as_f64()) else { return false };
    (came - wanted).abs() <= tolerance.absolute + tolerance.relative * wanted.abs()
}

/// An example with FP16, which travels only in binary: the body and its header's value.
pub fn fp16_request(request: &Value) -> (Vec<u8>, String) {
    let mut request = request.clone();
    let mut blob = Vec::new();
    let inputs = request["inputs"].as_array_mut().expect("the example has inputs");
    for input in inputs {
        let values = fp16_bytes(list(&input["data"]));
        input["parameters"] = json!({"binary_data_size": values.len()});
        input.as_object_mut().expect("an input is an object").remove("data");
        blob.extend(values);
    }
    request["parameters"] = json!({"binary_data_output": true});
    let text = request.to_string();
    (([text.as_bytes(), &blob]).concat(), text.len().to_string())
}

fn fp16_bytes(values: &[Value]) -> Vec<u8> {
    let narrow = |value: &Value| f16::from_f64(value.as_f64().expect("FP16 examples are numbers"));
    values.iter().flat_map(|value| narrow(value).to_le_bytes()).collect()
}

/// The numbers in a binary answer with one output.
pub fn fp16_values(answer: &Answer) -> Vec<f64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let length = answer.header("inference-header-content-length");
    let length = length.and_then(|text| text.parse().ok()).expect("the answer is binary");
    let (_, blob) = answer.body.split_at(length);
    blob.chunks_exact(2).map(|bytes| f16::from_le_bytes([bytes[0], bytes[1]]).to_f64()).collect()
}
