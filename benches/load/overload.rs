//! Three times more than the server can do, for a minute, from callers who wait only so
//! long. What it answers in time should be what it can answer at all, and who is refused
//! should know at once.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::capacity;
use crate::convolutions;
use crate::figure::{Bar, Figure};
use crate::open::{Arrivals, Open, Precedence};
use crate::process::Serving;
use crate::question::{Form, Question, Rows};
use crate::raw::Raw;
use crate::repository::{self, Repository};
use crate::seen::{Phase, quantile};
use crate::subjects;

const OVERLOAD: f64 = 3.0;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: usize = 1;

/// What each caller allows, as the request's `timeout`.
const DEADLINE: Duration = Duration::from_millis(200);

pub fn run(seconds: usize) -> Vec<Figure> {
    let duration = Duration::from_secs(seconds as u64);
    let repository = Repository::new();
    repository.add(convolutions::NAME, 1, &repository::convolutions(1));
    let raw = Raw::load(&repository.version(convolutions::NAME, 1));
    let rows = Rows::new(convolutions::NAME, &raw, &subjects::pictures());
    let timeout = format!(r#""timeout":{}"#, DEADLINE.as_micros());
    let hurried: Arc<[Question]> = subjects::one_by_one(&rows, Form::Json, &timeout).into();
    let patient = subjects::one_by_one(&rows, Form::Json, "");
    let server = Serving::onnxd(&repository.root, &[]);

    let capacity = capacity::closed(server.address, &patient, 4);
    let rate = OVERLOAD * capacity;
    let arrivals = Arrivals {
        questions: hurried,
        rate,
        connections: 8192,
        seed: 1,
        precedence: Precedence::Client,
    };
    let load = Open::start(server.address, &arrivals);
    sleep(WARM_UP);
    load.enter(MEASURED);
    sleep(duration);
    load.enter(MEASURED + 1);
    let seen = load.end();
    seen.must_be_right("the overload");
    report(&seen.phases[MEASURED], capacity, rate, duration)
}

fn report(phase: &Phase, capacity: f64, rate: f64, duration: Duration) -> Vec<Figure> {
    let deadline = DEADLINE.as_secs_f32();
    let in_time = phase.right.partition_point(|&latency| latency <= deadline);
    let goodput = in_time as f64 / duration.as_secs_f64() / capacity;
    let (p999, slowest) = (quantile(&phase.refused, 0.999), quantile(&phase.refused, 1.0));
    println!(
        "\n| 10 ms network for {duration:?}: capacity /s | asked /s | answered in time | late | refused | refusals: p50, p99.9, max | sent late: p99, max |\n|---|---|---|---|---|---|---|"
    );
    println!(
        "| {capacity:.0} | {rate:.0} | {in_time} | {} | {} | {:.2?}, {p999:.2?}, {slowest:.2?} | {:.2?}, {:.2?} |",
        phase.right.len() - in_time,
        phase.refused.len(),
        quantile(&phase.refused, 0.5),
        quantile(&phase.lateness, 0.99),
        quantile(&phase.lateness, 1.0),
    );
    let refusals = "the same: the slowest refusal, in ms";
    vec![
        Figure::new("overload at 3x: answered in time / capacity", goodput, Bar::AtLeast(0.9)),
        Figure::new(refusals, slowest.as_secs_f64() * 1e3, Bar::AtMost(10.0)),
    ]
}
