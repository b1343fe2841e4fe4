//! The program's log, collected while it runs.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

/// Lines of JSON from stderr.
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Log {
    pub fn collect(stderr: ChildStderr) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                collected.lock().expect("no reader panicked").push(line);
            }
        });
        Self { lines, reader }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panicked").clone()
    }

    /// The first line with this message.
    pub fn find(&self, message: &str) -> Option<Value> {
        let parsed = |line: &String| serde_json::from_str::<Value>(line).ok();
        self.lines().iter().filter_map(parsed).find(|line| line["message"] == message)
    }

    /// How many lines have this message.
    pub fn count(&self, message: &str) -> usize {
        let parsed = |line: &String| serde_json::from_str::<Value>(line).ok();
        self.lines().iter().filter_map(parsed).filter(|line| line["message"] == message).count()
    }

    /// Everything that was written, once the program has ended.
    pub fn finish(self) -> Vec<String> {
        self.reader.join().expect("stderr can be read");
        self.lines.lock().expect("no reader panicked").clone()
    }
}

/// Fails unless the warnings and errors in the log are those declared: each line holds one
/// of the declared texts, and each text occurs.
pub fn assert_only(declared: &[&str], lines: &[String]) {
    let whole = lines.join("\n");
    for trace in ["panicked at", "stack backtrace"] {
        assert!(!whole.contains(trace), "the log holds '{trace}':\n{whole}");
    }
    let loud: Vec<&String> = lines.iter().filter(|line| is_loud(line)).collect();
    for line in &loud {
        let known = declared.iter().any(|text| line.contains(text));
        assert!(known, "the log holds a line that the test does not declare:\n{line}");
    }
    for text in declared {
        let said = loud.iter().any(|line| line.contains(text));
        assert!(said, "no warning or error says '{text}':\n{whole}");
    }
}

/// A warning, an error, or something that is no log line at all.
fn is_loud(line: &str) -> bool {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return true };
    !matches!(line["level"].as_str(), Some("INFO" | "DEBUG"))
}
