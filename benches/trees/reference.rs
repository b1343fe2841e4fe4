//! onnxruntime on the same tables (`reference.py`).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Subject;
use crate::process::Process;

pub struct Reference {
    process: Process,
}

impl Reference {
    pub fn start(python: &Path) -> Self {
        Self { process: Process::start(python, "trees/reference.py") }
    }

    /// Every output for the first rows.
    pub fn outputs(&mut self, subject: &Subject, rows: usize) -> Value {
        self.ask(subject, rows, json!({"check": true}))["outputs"].take()
    }

    /// The median time of a run, in microseconds.
    pub fn measure(&mut self, subject: &Subject, rows: usize, round: Duration) -> f64 {
        let round = u64::try_from(round.as_millis()).unwrap();
        let answer = self.ask(subject, rows, json!({"rotate": true, "milliseconds": round}));
        answer["median_us"].as_f64().unwrap()
    }

    fn ask(&mut self, subject: &Subject, rows: usize, mut request: Value) -> Value {
        request["model"] = json!(subject.onnx);
        request["data"] = json!(subject.table);
        request["features"] = json!(subject.features);
        request["rows"] = json!(rows);
        self.process.ask(&request)
    }
}
