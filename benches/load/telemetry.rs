//! What following requests costs: one binary, the smallest requests, with everything off, with
//! 1 in 100 traced and logged, and with all of them traced. `ONNXD_BENCH_BEFORE` names a server
//! from before, against which the one with everything off is held as well.
//!
//! Servers take turns in short rounds, each pair in the other order than the one before, and are
//! started anew several times; see `monitoring`.

use std::env;
use std::process::Command;
use std::time::Duration;

use crate::client;
use crate::figure::{Bar, Figure};
use crate::pairs::ratio;
use crate::process::{Serving, project};
use crate::question::Question;
use crate::ratios;

const STARTS: usize = 4;
const WARM_UP_PAIRS: usize = 10;
const PAIRS: usize = 60;
const ROUND: Duration = Duration::from_millis(100);

pub fn run() -> Vec<Figure> {
    let sink = Serving::empty_handler();
    let url = format!("http://{}", sink.address);
    let traced = |share| ["--otlp-endpoint", &url, "--trace-sample", share];
    let one_in_100 = [&traced("0.01")[..], &["--log-requests", "0.01"]].concat();
    let off = || serving(&[]);
    let mut figures = Vec::new();
    if let Some(before) = env::var_os("ONNXD_BENCH_BEFORE") {
        let models = project("benches/models");
        let before = || Serving::over(Command::new(&before), &models, &[]);
        figures.push(compare("telemetry off / before", off, before, 0.99));
    }
    let some = || serving(&one_in_100);
    figures.push(compare("1 in 100 traced and logged / off", some, off, 0.98));
    let all = || serving(&traced("1"));
    figures.push(compare("all traced / off", all, off, 0.5));
    figures
}

fn serving(arguments: &[&str]) -> Serving {
    Serving::onnxd(&project("benches/models"), arguments)
}

/// Requests per second of the one over those of the other.
fn compare(name: &str, one: impl Fn() -> Serving, other: impl Fn() -> Serving, bar: f64) -> Figure {
    let [json, ..] = ratios::scenarios();
    let questions = [json.question()];
    let rate = |server: &Serving| rate(server, &questions, json.connections);
    let mut pairs: Vec<[f64; 2]> = Vec::new();
    for start in 0..STARTS {
        let (one, other) = if start.is_multiple_of(2) {
            let one = one();
            (one, other())
        } else {
            let other = other();
            (one(), other)
        };
        for pair in 0..WARM_UP_PAIRS + PAIRS {
            let rates = if pair.is_multiple_of(2) {
                let first = rate(&one);
                [first, rate(&other)]
            } else {
                let first = rate(&other);
                [rate(&one), first]
            };
            if pair >= WARM_UP_PAIRS {
                pairs.push(rates);
            }
        }
    }
    let ratio = ratio(&pairs);
    println!("{name}: {:.4} ({:.4} to {:.4})", ratio.median, ratio.low, ratio.high);
    Figure::new(format!("{name}: requests/s"), ratio.median, Bar::AtLeast(bar))
}

fn rate(server: &Serving, questions: &[Question], connections: usize) -> f64 {
    let outcome = client::load(server.address, questions, connections, ROUND);
    outcome.must_be_right("telemetry");
    outcome.rate()
}
