//! The page of bins: 5,000 series, as many as one model may have.

use std::time::Instant;

use onnxd::drift::{Monitors, Settings};
use onnxd::metrics::Registry;

use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;

/// Of 14 series each.
const FEATURES: usize = 357;
const LOOKS: usize = 101;

pub fn run() -> Vec<Goal> {
    let reference = made::reference(FEATURES, 2_000);
    let monitors = Monitors::new(&Registry::without_process(), None, false);
    let prepared = monitors.prepare(("model", 1), &reference, &Settings::default());
    let monitor = monitors.open(("model", 1), prepared);
    let values = made::normal(&mut Random::new(5), 64 * FEATURES, 0.0);
    let inputs = [made::tensor(&[64, FEATURES], values)];
    let mut times: Vec<f64> = (0..LOOKS)
        .map(|_| {
            monitor.inputs(&inputs);
            let started = Instant::now();
            let page = monitors.page();
            let taken = started.elapsed();
            assert!(page.len() > 100_000, "all series are there");
            taken.as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let page = monitors.page();
    let series =
        page.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"onnxd")).count();
    println!("{series} series, {} bytes", page.len());
    vec![Goal::new("a scrape of 5,000 series", times[LOOKS / 2], " ms", Bar::AtMost(2.0))]
}
