//! Memory at rest and time to ready, with `digits` alone.

use std::thread::sleep;
use std::time::Duration;

use crate::process::{Serving, project};

const STARTS: usize = 9;

pub fn run() {
    let mut ready: Vec<Duration> = Vec::new();
    let mut resident = 0;
    for _ in 0..STARTS {
        let server = Serving::onnxd(&project("models/digits"), &[]);
        ready.push(server.started.elapsed());
        sleep(Duration::from_millis(300));
        resident = server.resident_bytes();
    }
    ready.sort();
    println!("\ndigits alone: ready after {:.1?} (median of {STARTS})", ready[STARTS / 2]);
    println!("digits alone: {:.1} MB resident at rest", resident as f64 / 1e6);
}
