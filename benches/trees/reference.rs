//! onnxruntime in a process of its own (`reference.py`).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Subject;

pub struct Reference {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    pub fn start(python: &Path) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/trees/reference.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("PYTHON starts");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, requests, answers }
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
        let pipe = self.requests.as_mut().unwrap();
        writeln!(pipe, "{request}").expect("onnxruntime listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("onnxruntime answers");
        let answer: Value = serde_json::from_str(&line).expect("onnxruntime answers in JSON");
        assert!(answer["error"].is_null(), "onnxruntime: {}", answer["error"]);
        answer
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.requests.take());
        drop(self.process.wait());
    }
}
