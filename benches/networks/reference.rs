//! onnxruntime on the same models and inputs (`reference.py`).

use std::path::Path;
use std::time::Duration;

use onnxd::engine::Signature;
use onnxd::tensor::{Data, Shape, Tensor};
use serde_json::{Value, json};

use crate::Subject;
use crate::process::Process;

pub struct Reference {
    process: Process,
}

impl Reference {
    pub fn start(python: &Path) -> Self {
        Self { process: Process::start(python, "networks/reference.py") }
    }

    /// The case's inputs in the order of the signature.
    pub fn inputs(&mut self, subject: &Subject, signature: &Signature) -> Vec<Tensor> {
        let answer = self.ask(subject, json!({"inputs": true}));
        let all = answer["inputs"].as_array().unwrap();
        let named = |name: &str| all.iter().find(|input| input["name"] == *name).unwrap();
        signature.inputs.iter().map(|spec| tensor(named(&spec.name))).collect()
    }

    pub fn outputs(&mut self, subject: &Subject) -> Value {
        self.ask(subject, json!({"check": true}))["outputs"].take()
    }

    /// The median time of a run, in milliseconds.
    pub fn measure(&mut self, subject: &Subject, round: Duration) -> f64 {
        let round = u64::try_from(round.as_millis()).unwrap();
        let answer = self.ask(subject, json!({"milliseconds": round}));
        answer["median_us"].as_f64().unwrap() / 1e3
    }

    fn ask(&mut self, subject: &Subject, mut request: Value) -> Value {
        request["model"] = json!(subject.onnx);
        request["case"] = json!(subject.case);
        self.process.ask(&request)
    }
}

fn tensor(input: &Value) -> Tensor {
    let dims = input["shape"].as_array().unwrap().iter();
    let dims = dims.map(|dim| usize::try_from(dim.as_u64().unwrap()).unwrap()).collect();
    let values = input["data"].as_array().unwrap().iter();
    let data = match input["datatype"].as_str().unwrap() {
        #[expect(clippy::cast_possible_truncation, reason = "they were floats")]
        "float32" => Data::Fp32(values.map(|value| value.as_f64().unwrap() as f32).collect()),
        "int64" => Data::Int64(values.map(|value| value.as_i64().unwrap()).collect()),
        "int32" => Data::Int32(
            values.map(|value| i32::try_from(value.as_i64().unwrap()).unwrap()).collect(),
        ),
        other => panic!("an input of {other}"),
    };
    Tensor::new(Shape::new(dims).unwrap(), data).unwrap()
}
