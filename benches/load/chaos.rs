//! Right answers under everything at once: random models, rows, forms, deadlines and
//! priorities, callers who leave in the middle, while versions come and go.
//!
//! Every answer is compared with what the version that it names must say. Legal besides are
//! refusals with a reason (503, 504); anything else, a connection that the client did not
//! break, or a line of level ERROR in the log ends the run as failed.

mod ask;
mod models;
mod swapper;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::client;
use crate::process::Serving;
use crate::repository::Repository;
use tally::Tally;

const CONNECTIONS: u64 = 16;

pub fn run(minutes: usize) {
    let duration = Duration::from_mins(minutes as u64);
    let repository = Repository::new();
    let models = Arc::new(models::prepare(&repository));
    let server = Serving::onnxd(&repository.root, &["--poll", "50ms"]);
    let until = Instant::now() + duration;
    let stop = Arc::new(AtomicBool::new(false));
    println!(
        "\n| chaos, s | answers checked | rows | refused | left | swaps | resident |\n|---|---|---|---|---|---|---|"
    );
    let tally = Arc::new(Tally::default());
    thread::scope(|scope| {
        scope.spawn(|| swapper::run(&server, &repository, until, &tally));
        scope.spawn(|| watch(&server, &stop, &tally, duration));
        ask::run(server.address, &models, CONNECTIONS, until, &tally);
        stop.store(true, Ordering::Relaxed);
    });
    tally.print_refusals();
    tally.must_be_clean();
    let errors = server.errors();
    assert!(errors.is_empty(), "errors in the log, such as {}", errors[0]);
    must_be_at_rest(&server);
}

/// Prints what has been seen so far from time to time, the last time at the end.
fn watch(server: &Serving, stop: &AtomicBool, tally: &Tally, duration: Duration) {
    let started = Instant::now();
    let step = duration / 10;
    let mut next = step;
    loop {
        sleep(Duration::from_millis(100));
        let over = stop.load(Ordering::Relaxed);
        if over || (next < duration && started.elapsed() >= next) {
            next += step;
            let resident = server.resident_bytes() as f64 / 1e6;
            println!("| {:.0} | {tally} | {resident:.1} MB |", started.elapsed().as_secs_f64());
        }
        if over {
            return;
        }
    }
}

/// Requests that callers left must not stay under way for ever.
fn must_be_at_rest(server: &Serving) {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        let page = client::fetch(server.address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let page = String::from_utf8(page.expect("a page").1).expect("text");
        let gauges = ["onnxd_in_flight{", "onnxd_queue_depth{"];
        let busy: Vec<&str> = page
            .lines()
            .filter(|line| gauges.iter().any(|gauge| line.starts_with(gauge)))
            .filter(|line| !line.ends_with(" 0"))
            .collect();
        if busy.is_empty() {
            return;
        }
        assert!(Instant::now() < give_up, "still under way after the end: {}", busy.join(", "));
        sleep(Duration::from_millis(100));
    }
}
