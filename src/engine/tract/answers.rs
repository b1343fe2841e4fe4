//! Runs fixtures and compares with what onnxruntime answered (`tests/fixtures`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Config, TractEngine, verify};
use crate::engine::{Engine, LoadError, LoadedModel, ModelSource, Plan, PlanLookup, Signature};
use crate::tensor::{Data, Shape, Tensor};

/// Loads a fixture and asks everything that `expected.json` knows about it, twice: the
/// second answer must not depend on the first.
pub(super) fn match_onnxruntime(file: &str) {
    let model = load(file).unwrap();
    for turn in 1..=2 {
        for (number, example) in examples(file).iter().enumerate() {
            let expected = tensors(&example["response"]["outputs"]);
            let got = answer(model.as_ref(), &inputs(model.signature(), example));
            assert!(
                verify::same(&expected, &got),
                "{file}, example {number}, turn {turn}: expected {expected:?}, got {got:?}"
            );
        }
    }
}

pub(super) fn load(file: &str) -> Result<Arc<dyn LoadedModel>, LoadError> {
    let engine = TractEngine::new(Config::default());
    engine.load(&ModelSource { path: fixture(file), known_shapes: Vec::new() })
}

pub(super) fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file)
}

fn examples(file: &str) -> Vec<Value> {
    let text = std::fs::read(fixture("expected.json")).unwrap();
    let mut all: Value = serde_json::from_slice(&text).unwrap();
    let Value::Array(examples) = all[file].take() else { panic!("{file} is not in expected.json") };
    examples
}

fn inputs(signature: &Signature, example: &Value) -> Vec<Tensor> {
    let given = example["request"]["inputs"].as_array().unwrap();
    signature
        .inputs
        .iter()
        .map(|spec| tensor(given.iter().find(|input| input["name"] == *spec.name).unwrap()))
        .collect()
}

fn tensors(list: &Value) -> Vec<Tensor> {
    list.as_array().unwrap().iter().map(tensor).collect()
}

fn tensor(json: &Value) -> Tensor {
    let numbers = |list: &Value| -> Vec<f64> {
        list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let shape = json["shape"].as_array().unwrap().iter();
    let shape = shape.map(|dim| usize::try_from(dim.as_u64().unwrap()).unwrap()).collect();
    let data = &json["data"];
    let data = match json["datatype"].as_str().unwrap() {
        "FP32" => Data::Fp32(serde_json::from_value(data.clone()).unwrap()),
        "FP64" => Data::Fp64(numbers(data)),
        "INT64" => Data::Int64(serde_json::from_value(data.clone()).unwrap()),
        "BOOL" => Data::Bool(serde_json::from_value(data.clone()).unwrap()),
        other => panic!("no fixture of the engine's own tests uses {other}"),
    };
    Tensor::new(Shape::new(shape).unwrap(), data).unwrap()
}

fn answer(model: &dyn LoadedModel, inputs: &[Tensor]) -> Vec<Tensor> {
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let plan: Arc<dyn Plan> = match model.plan(&shapes) {
        PlanLookup::Ready(plan) => plan,
        PlanLookup::Compiling(ticket) => ticket.blocking_recv().unwrap().unwrap(),
        PlanLookup::Busy => panic!("one model cannot fill the compiler's queue"),
    };
    plan.run(inputs).unwrap()
}
