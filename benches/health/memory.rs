//! What a watched feature takes in memory: parts of threads, panes, profile, report, labels.
//!
//! By what the system says that the process has, at first and at last, with every pane in use
//! and every part; what making the profile left behind is counted as well.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use onnxd::drift::{Monitor, Monitors, Settings, Source, Span, now};
use onnxd::metrics::Registry;
use onnxd::tensor::Tensor;

use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;
use crate::watch;

const FEATURES: usize = 1_000;
const MODELS: usize = 32;
const ROWS: usize = 200;
const MINUTE: Duration = Duration::from_mins(1);

pub fn run() -> Vec<Goal> {
    let before = resident();
    // Enough that no bin of a pane is empty.
    let values = made::normal(&mut Random::new(4), ROWS * FEATURES, 0.0);
    let inputs = [made::tensor(&[ROWS, FEATURES], values)];
    let monitors = Monitors::new(&Registry::without_process(), None, false);
    let profile = made::profile(FEATURES, 1_000);
    let kept: Vec<Arc<Monitor>> = (0..MODELS)
        .map(|model| {
            let reference = watch::against(&made::table(FEATURES), &profile);
            let settings = Settings::default();
            let model = model.to_string();
            let prepared = monitors.prepare((&model, 1), &reference, &settings);
            let monitor = monitors.open((&model, 1), prepared);
            fill(&monitor, &inputs);
            monitor
        })
        .collect();
    let bytes = resident().saturating_sub(before) as f64;
    let kibibytes = bytes / 1024.0 / (kept.len() * FEATURES) as f64;
    let name = "memory of a feature, all panes in use";
    vec![Goal::new(name, kibibytes, " KiB", Bar::AtMost(16.0))]
}

/// Two days and an hour, in which every pane and the part of every thread counts something.
fn fill(monitor: &Monitor, inputs: &[Tensor]) {
    let start = now();
    let hours = (1..=48).map(|hour| 60 * hour);
    for minute in hours.chain(48 * 60 + 1..=49 * 60) {
        monitor.inputs(inputs);
        // Closes the panes whose time is over, as a look does.
        let _ = monitor.window(Source::Request, Span::Short, start + MINUTE * minute);
    }
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| monitor.inputs(inputs));
        }
    });
    monitor.tick(start + MINUTE * 49 * 60);
}

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kilobytes: Option<u64> = line.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    kilobytes.expect("a number") * 1024
}
