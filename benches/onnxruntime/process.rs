//! onnxruntime in a Python process of its own: one JSON line asks, one answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

pub struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a script below `benches/`.
    pub fn start(python: &Path, script: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(script);
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("PYTHON starts");
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, requests, answers }
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        let pipe = self.requests.as_mut().unwrap();
        writeln!(pipe, "{request}").expect("onnxruntime listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("onnxruntime answers");
        let answer: Value = serde_json::from_str(&line).expect("onnxruntime answers in JSON");
        assert!(answer["error"].is_null(), "onnxruntime: {}", answer["error"]);
        answer
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.requests.take());
        drop(self.child.wait());
    }
}
