//! Runs models and compares with what onnxruntime answered: fixtures (`tests/fixtures`, by
//! the names of their files) and exports (`tests/conformance/exports`, by their names).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Config, TractEngine};
use crate::engine::{
    Engine, LoadError, LoadedModel, ModelSource, Plan, PlanLookup, RunError, Signature,
};
use crate::tensor::{CompactString, Data, Shape, Tensor};

/// Loads a model and asks everything that is known about it, twice: the second answer
/// must not depend on the first.
pub(super) fn match_onnxruntime(file: &str) {
    let model = load(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let Known { examples, tolerance } = known(file);
    for (turn, example) in examples.iter().chain(&examples).enumerate() {
        let got = answer(model.as_ref(), &inputs(model.signature(), example)).unwrap();
        let expected = example["response"]["outputs"].as_array().unwrap();
        assert_eq!(expected.len(), got.len(), "{file}");
        for (expected, got) in expected.iter().zip(&got) {
            let name = &expected["name"];
            let expected = tensor(expected);
            assert!(
                tolerance.allows(&expected, got),
                "{file}, answer {turn}, output {name}: expected {expected:?}, got {got:?}"
            );
        }
    }
}

/// What the fixture answers to its first example with another value for one input.
pub(super) fn answer_with(file: &str, name: &str, value: Tensor) -> Result<Vec<Tensor>, RunError> {
    let model = load(file).unwrap();
    let mut inputs = inputs(model.signature(), &known(file).examples[0]);
    let place = model.signature().inputs.iter().position(|input| *input.name == *name).unwrap();
    inputs[place] = value;
    answer(model.as_ref(), &inputs)
}

/// What the model answers to the first example of a fixture.
pub(super) fn answer_of(file: &str, model: &dyn LoadedModel) -> Vec<Tensor> {
    answer(model, &inputs(model.signature(), &known(file).examples[0])).unwrap()
}

/// What is known about a model.
struct Known {
    examples: Vec<Value>,
    tolerance: Tolerance,
}

/// How far two orders of adding may be apart.
struct Tolerance {
    relative: f64,
    absolute: f64,
    /// Of the largest value of the tensor.
    of_largest: f64,
}

impl Tolerance {
    /// Logistic functions of onnxruntime are exact to no more than this.
    const OF_FIXTURES: Self = Self { relative: 1e-5, absolute: 0.0, of_largest: 1e-7 };

    fn allows(&self, left: &Tensor, right: &Tensor) -> bool {
        let (Some(a), Some(b)) = (floats(left), floats(right)) else { return left == right };
        let largest = a.iter().filter(|a| a.is_finite()).fold(0f64, |max, a| max.max(a.abs()));
        let absolute = self.absolute + self.of_largest * largest;
        let close = |a: f64, b: f64| {
            // Infinities are equal, and their difference is not a number.
            a.to_bits() == b.to_bits()
                || (a.is_nan() && b.is_nan())
                || (a - b).abs() <= self.relative * a.abs() + absolute
        };
        left.shape() == right.shape() && a.iter().zip(&b).all(|(&a, &b)| close(a, b))
    }
}

fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.data() {
        Data::Fp32(values) => Some(values.iter().map(|&value| value.into()).collect()),
        Data::Fp64(values) => Some(values.clone()),
        _ => None,
    }
}

pub(super) fn load(file: &str) -> Result<Arc<dyn LoadedModel>, LoadError> {
    load_from(fixture(file))
}

pub(super) fn load_from(path: PathBuf) -> Result<Arc<dyn LoadedModel>, LoadError> {
    let engine = TractEngine::new(Config::default());
    engine.load(&ModelSource { path, ..ModelSource::default() })
}

/// Where a fixture (`name.onnx`) or an export (`name`) lies.
pub(super) fn fixture(file: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    if is_export(file) {
        tests.join(EXPORTS).join(file).join("1/model.onnx")
    } else {
        tests.join("fixtures").join(file)
    }
}

const EXPORTS: &str = "conformance/exports";

fn is_export(file: &str) -> bool {
    !file.is_empty() && Path::new(file).extension().is_none()
}

fn known(file: &str) -> Known {
    if is_export(file) {
        let mut golden = json(&fixture(file).with_file_name("golden.json"));
        let number = |name: &str| golden["tolerance"][name].as_f64().unwrap();
        let (relative, absolute) = (number("relative"), number("absolute"));
        let examples = serde_json::from_value(golden["examples"].take()).unwrap();
        return Known { examples, tolerance: Tolerance { relative, absolute, of_largest: 0.0 } };
    }
    let examples = ["expected.json", "tabular.json", "standard.json"]
        .into_iter()
        .find_map(|answers| Some(json(&fixture(answers)).get_mut(file)?.take()));
    let Some(Value::Array(examples)) = examples else { panic!("no answers are known to {file}") };
    Known { examples, tolerance: Tolerance::OF_FIXTURES }
}

fn texts(json: &Value) -> Vec<CompactString> {
    let texts: Vec<String> = serde_json::from_value(json.clone()).unwrap();
    texts.into_iter().map(Into::into).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn inputs(signature: &Signature, example: &Value) -> Vec<Tensor> {
    let given = example["request"]["inputs"].as_array().unwrap();
    signature
        .inputs
        .iter()
        .map(|spec| tensor(given.iter().find(|input| input["name"] == *spec.name).unwrap()))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "numbers of FP32 are written in few digits")]
fn tensor(json: &Value) -> Tensor {
    let shape = json["shape"].as_array().unwrap().iter();
    let shape = shape.map(|dim| usize::try_from(dim.as_u64().unwrap()).unwrap()).collect();
    let data = &json["data"];
    let data = match json["datatype"].as_str().unwrap() {
        "FP32" => Data::Fp32(numbers(data).map(|number| number as f32).collect()),
        "FP64" => Data::Fp64(numbers(data).collect()),
        "INT64" => Data::Int64(serde_json::from_value(data.clone()).unwrap()),
        "INT32" => Data::Int32(serde_json::from_value(data.clone()).unwrap()),
        "UINT32" => Data::Uint32(serde_json::from_value(data.clone()).unwrap()),
        "INT16" => Data::Int16(serde_json::from_value(data.clone()).unwrap()),
        "BOOL" => Data::Bool(serde_json::from_value(data.clone()).unwrap()),
        "BYTES" => Data::Bytes(texts(data)),
        other => panic!("no fixture of the engine's own tests uses {other}"),
    };
    Tensor::new(Shape::new(shape).unwrap(), data).unwrap()
}

/// What JSON cannot hold is a string: "NaN", "Infinity", "-Infinity"; null is NaN as well.
fn numbers(list: &Value) -> impl Iterator<Item = f64> {
    let number = |json: &Value| match json {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        number => number.as_f64().unwrap(),
    };
    list.as_array().unwrap().iter().map(number)
}

pub(super) fn answer(model: &dyn LoadedModel, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let plan: Arc<dyn Plan> = match model.plan(&shapes) {
        PlanLookup::Ready(plan) => plan,
        PlanLookup::Compiling(ticket) => ticket.blocking_recv().unwrap()?,
        PlanLookup::Busy => panic!("one model cannot fill the compiler's queue"),
    };
    plan.run(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_export_answers_as_with_onnxruntime() {
        let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(EXPORTS);
        let mut answered = 0;
        for export in std::fs::read_dir(exports).unwrap() {
            match_onnxruntime(&export.unwrap().file_name().into_string().unwrap());
            answered += 1;
        }
        assert!(answered > 400, "only {answered} exports lie there");
    }
}
