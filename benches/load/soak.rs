//! A minute of load: no failed request, and memory that stands still.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::client;
use crate::process::{Serving, project};
use crate::question::Question;
use crate::ratios::contains;

const MINUTE: Duration = Duration::from_mins(1);

pub fn run() {
    let server = Arc::new(Serving::onnxd(&project("models/digits"), &[]));
    let body = fs::read(project("models/digits/example.json")).expect("the example is there");
    let request = client::post("/v2/models/digits/infer", "", &body).into();
    let question = [Question { request, rows: 1, check: contains(r#""data":[2]"#) }];
    println!();
    for minute in 1..=2 {
        let done = Arc::new(AtomicBool::new(false));
        let sampler = thread::spawn({
            let (server, done) = (Arc::clone(&server), Arc::clone(&done));
            move || {
                let mut samples = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    samples.push(server.resident_bytes());
                    thread::sleep(Duration::from_secs(1));
                }
                samples
            }
        });
        let outcome = client::load(server.address, &question, 16, MINUTE);
        done.store(true, Ordering::SeqCst);
        let samples = sampler.join().expect("the sampler ends");
        let (low, high) = (samples.iter().min(), samples.iter().max());
        println!(
            "minute {minute}: {} requests, {} wrong, {} broken connections; resident {:.1} to {:.1} MB",
            outcome.answered,
            outcome.wrong,
            outcome.broken,
            low.copied().unwrap_or(0) as f64 / 1e6,
            high.copied().unwrap_or(0) as f64 / 1e6,
        );
    }
}
