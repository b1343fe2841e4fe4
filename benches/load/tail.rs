//! The tail of latency when the machine is busy but not overloaded: a table model, one row a
//! question, random arrivals that keep the machine 70 % busy, the client included.
//!
//! The empty handler under the same share of load, right after it, tells how much of such a
//! tail is made by the arrivals, the client and the machine. It answers more than twice as
//! many questions in that share, and most of what is busy then is the client.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::capacity;
use crate::client;
use crate::figure::{Bar, Figure, median};
use crate::open::{Arrivals, Open, Precedence};
use crate::process::{Serving, own_time};
use crate::question::{Form, Question, Rows};
use crate::raw::Raw;
use crate::repository::{self, Repository};
use crate::seen::quantile;
use crate::subjects;

const SHARE: f64 = 0.7;
const ROUND: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: usize = 1;

pub fn run(rounds: usize) -> Vec<Figure> {
    let repository = Repository::new();
    repository.add("flight-delay", 2, &repository::flight_delay(2));
    let raw = Raw::load(&repository.version("flight-delay", 2));
    let rows = Rows::new("flight-delay", &raw, &subjects::flights(&raw));
    let questions = subjects::one_by_one(&rows, Form::Json, "");
    let nothing = to_empty_handler(rows.request(&[0], Form::Json, ""));
    let server = Serving::onnxd(&repository.root, &[]);
    let empty = Serving::empty_handler();
    println!(
        "\n| 1 row, 70 % busy | closed loop /s | open loop /s | busy | p50 | p99 | p99 / p50 | sent late, p99 |\n|---|---|---|---|---|---|---|---|"
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds as u64 {
        ours.push(ratio("flight-delay", &server, &questions, round));
        theirs.push(ratio("empty handler", &empty, &nothing, round));
    }
    println!("The empty handler's p99 is {:.2} times its p50.", median(theirs));
    let name = "p99 / p50 at 70 % load, flight-delay, 1 row";
    vec![Figure::new(name, median(ours), Bar::AtMost(4.0))]
}

/// The same bytes, to a handler that answers their number.
fn to_empty_handler(request: Vec<u8>) -> Vec<Question> {
    let start = request.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let body = &request[start..];
    let length = body.len().to_string();
    let check = Arc::new(move |answer: &[u8]| answer == length.as_bytes());
    vec![Question { request: client::post("/", "", body).into(), rows: 1, check }]
}

/// p99 over p50 of one round.
fn ratio(name: &str, server: &Serving, questions: &[Question], seed: u64) -> f64 {
    let closed = capacity::closed(server.address, questions, 16);
    let mut arrivals = Arrivals {
        questions: questions.into(),
        rate: 0.0,
        connections: 1024,
        seed,
        precedence: Precedence::Nobody,
    };
    arrivals.rate = capacity::busy_rate(server, &arrivals, closed, SHARE);
    let load = Open::start(server.address, &arrivals);
    sleep(WARM_UP);
    load.enter(MEASURED);
    let before = own_time() + server.time();
    sleep(ROUND);
    let busy = (own_time() + server.time()).saturating_sub(before);
    let busy = busy.as_secs_f64() / ROUND.as_secs_f64() / capacity::cores() as f64;
    let seen = load.end();
    seen.must_be_answered(name);
    let phase = &seen.phases[MEASURED];
    let (p50, p99) = (phase.quantile(0.5), phase.quantile(0.99));
    let ratio = p99.as_secs_f64() / p50.as_secs_f64();
    println!(
        "| {name} | {closed:.0} | {:.0} | {busy:.2} | {p50:.2?} | {p99:.2?} | {ratio:.2} | {:.2?} |",
        arrivals.rate,
        quantile(&phase.lateness, 0.99),
    );
    ratio
}
