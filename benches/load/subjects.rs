//! The rows that models are asked in these benchmarks.

use std::fs;

use onnxd::tensor::{Data, Shape, Tensor};
use serde_json::Value;

use crate::convolutions;
use crate::network;
use crate::process::project;
use crate::question::{Form, Question, Rows};
use crate::random::Random;
use crate::raw::Raw;

/// So many rows are enough that callers hardly ever ask for the same.
const ROWS: usize = 256;

/// Flights whose columns are each from one of the flights in the golden examples.
pub fn flights(raw: &Raw) -> Vec<Tensor> {
    let text = fs::read_to_string(project("models/flight-delay/2/golden.json"));
    let golden: Value = serde_json::from_str(&text.expect("it ships")).expect("it is JSON");
    let examples = golden["examples"].as_array().expect("a list");
    let mut random = Random::new(1);
    let column = |name: &String| {
        let values: Vec<&Value> = examples
            .iter()
            .flat_map(|example| example["request"]["inputs"].as_array().expect("a list"))
            .filter(|input| input["name"] == **name)
            .flat_map(|input| input["data"].as_array().expect("a list"))
            .collect();
        let picked = (0..ROWS).map(|_| values[random.below(values.len())]);
        let data: Data = if values[0].is_string() {
            let texts = picked.map(|value| value.as_str().expect("a text"));
            Data::Bytes(texts.map(Into::into).collect())
        } else {
            // What is missing is NaN.
            picked.map(|value| value.as_f64().map_or(f32::NAN, narrow)).collect::<Vec<_>>().into()
        };
        Tensor::new(shape(&[ROWS, 1]), data).expect("a column")
    };
    raw.input_names().iter().map(column).collect()
}

/// Small pictures of small numbers.
pub fn pictures() -> Vec<Tensor> {
    vec![digits_of(&[ROWS, 1, convolutions::SIDE, convolutions::SIDE], 2)]
}

/// Rows for the 34 MB network.
pub fn vectors() -> Vec<Tensor> {
    vec![digits_of(&[ROWS, network::INPUTS], 3)]
}

/// Every row once, alone, shuffled by the way they were made.
pub fn one_by_one(rows: &Rows, form: Form, parameters: &str) -> Vec<Question> {
    (0..rows.len()).map(|row| rows.question(&[row], form, parameters)).collect()
}

/// Numbers from 0 to 8: short in JSON, and exact.
pub fn digits_of(dims: &[usize], seed: u64) -> Tensor {
    let mut random = Random::new(seed);
    let values: Vec<f32> =
        (0..dims.iter().product()).map(|_| narrow(random.below(9) as f64)).collect();
    Tensor::new(shape(dims), values.into()).expect("it fits")
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims.to_vec()).expect("a small shape")
}

#[expect(clippy::cast_possible_truncation, reason = "inputs are FP32")]
fn narrow(value: f64) -> f32 {
    value as f32
}
