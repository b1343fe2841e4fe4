//! What a watched feature takes in memory: parts of threads, panes, profile, report and all.
//!
//! By what the system says that the process has, before and after, with every pane in use.

use std::fs;
use std::time::Duration;

use onnxd::drift::{Monitor, Reference, Settings, Span};

use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;

const FEATURES: usize = 1_000;
const MODELS: usize = 4;
const WINDOW: Duration = Duration::from_hours(1);

pub fn run() -> Vec<Goal> {
    let values = made::normal(&mut Random::new(4), FEATURES, 0.0);
    let inputs = [made::tensor(&[1, FEATURES], values)];
    // What making a reference leaves behind is there before.
    let mut references: Vec<Reference> = vec![made::reference(FEATURES, 2_000)];
    let before = resident();
    references.extend((1..MODELS).map(|_| made::reference(FEATURES, 2_000)));
    let monitors: Vec<Monitor> =
        references.into_iter().skip(1).map(|reference| watched(reference, &inputs)).collect();
    let bytes = resident().saturating_sub(before) as f64;
    let kibibytes = bytes / 1024.0 / (monitors.len() * FEATURES) as f64;
    let name = "memory of a feature, all panes in use";
    vec![Goal::new(name, kibibytes, " KiB", Bar::AtMost(16.0))]
}

/// After 49 hours with a request a minute, from as many threads as ever serve at once.
fn watched(reference: Reference, inputs: &[onnxd::tensor::Tensor]) -> Monitor {
    let monitor = Monitor::new(reference, Settings::default(), None, Duration::ZERO);
    for minute in 1..=49 * 60 {
        monitor.inputs(inputs);
        // Closes the panes whose time is over, as a look does.
        let _ = monitor.window(Span::Short, WINDOW * minute / 60);
    }
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| monitor.inputs(inputs));
        }
    });
    monitor.tick(WINDOW * 50);
    monitor
}

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kilobytes: Option<u64> = line.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    kilobytes.expect("a number") * 1024
}
