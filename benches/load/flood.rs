//! Two models, one of them flooded: it is asked ten times what the server can do, and what
//! counts is the tail of the other one, which is asked a modest rate all the time.
//!
//! The flood is a network of 10 ms, so ten times its capacity is some 2,000 small requests a
//! second: nearly nothing for the client and for HTTP, and all that is hard about it is the
//! server's to solve. It may refuse the flood, and must answer the quiet model. The quiet one's latency
//! counts from when its questions were due, in the same way alone and beside the flood.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use crate::capacity;
use crate::convolutions;
use crate::figure::{Bar, Figure, median};
use crate::open::{Arrivals, Open, Precedence};
use crate::process::Serving;
use crate::question::{Form, Question, Rows};
use crate::raw::Raw;
use crate::repository::{self, Files, Repository};
use crate::seen::quantile;
use crate::subjects;

const FLOOD: f64 = 10.0;
/// Of its own capacity.
const QUIET: f64 = 0.15;

const PHASE: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_secs(1);
const WARMING: usize = 0;
const ALONE: usize = 1;
const FLOODED: usize = 2;

pub fn run(rounds: usize) -> Vec<Figure> {
    println!(
        "\n| quiet model | its /s | flood /s | flood answered, refused | p99 alone | p99 flooded | ratio | sent late, p99: alone, flooded |\n|---|---|---|---|---|---|---|---|"
    );
    let flights = |raw: &Raw| subjects::flights(raw);
    let vectors = |_: &Raw| subjects::vectors();
    vec![
        quiet("flight-delay", 2, repository::flight_delay(2), flights, rounds),
        quiet("network", 1, repository::network(1), vectors, rounds),
    ]
}

fn quiet(
    model: &str,
    version: u64,
    files: Files,
    inputs: fn(&Raw) -> Vec<onnxd::tensor::Tensor>,
    rounds: usize,
) -> Figure {
    let repository = Repository::new();
    repository.add(model, version, &files);
    repository.add(convolutions::NAME, 1, &repository::convolutions(1));
    let ask = |model, version, inputs: fn(&Raw) -> Vec<onnxd::tensor::Tensor>| {
        let raw = Raw::load(&repository.version(model, version));
        let rows = Rows::new(model, &raw, &inputs(&raw));
        subjects::one_by_one(&rows, Form::Json, "")
    };
    let quiet = ask(model, version, inputs);
    let flood = ask(convolutions::NAME, 1, |_| subjects::pictures());
    let server = Serving::onnxd(&repository.root, &[]);
    let ratios = (0..rounds).map(|round| round_of(server.address, model, &quiet, &flood, round));
    let ratio = median(ratios.collect());
    let name = format!("a 10 ms network flooded at {FLOOD}x: p99 of {model} against alone");
    Figure::new(name, ratio, Bar::AtMost(2.0))
}

fn round_of(
    address: SocketAddr,
    model: &str,
    quiet: &[Question],
    flood: &[Question],
    round: usize,
) -> f64 {
    let arrivals = |questions: &[Question], connections, rate| Arrivals {
        questions: questions.into(),
        rate,
        connections,
        seed: round as u64,
        precedence: Precedence::Client,
    };
    let rate = QUIET * capacity::closed(address, quiet, 4);
    let flooding = FLOOD * capacity::closed(address, flood, 4);
    let load = Open::start(address, &arrivals(quiet, 1024, rate));
    sleep(WARM_UP);
    load.enter(ALONE);
    sleep(PHASE);
    load.enter(WARMING);
    let flood = Open::start(address, &arrivals(flood, 8192, flooding));
    sleep(WARM_UP);
    load.enter(FLOODED);
    flood.enter(FLOODED);
    sleep(PHASE);
    flood.enter(WARMING);
    let (seen, flood) = (load.end(), flood.end());
    seen.must_be_answered(model);
    flood.must_be_right("the flood");
    let p99 = [ALONE, FLOODED].map(|phase| seen.phases[phase].quantile(0.99));
    let late = [ALONE, FLOODED].map(|phase| quantile(&seen.phases[phase].lateness, 0.99));
    let ratio = p99[1].as_secs_f64() / p99[0].as_secs_f64();
    let flooded = &flood.phases[FLOODED];
    println!(
        "| {model} | {rate:.0} | {flooding:.0} | {}, {} | {:.2?} | {:.2?} | {ratio:.2} | {:.2?}, {:.2?} |",
        flooded.right.len(),
        flooded.refused.len(),
        p99[0],
        p99[1],
        late[0],
        late[1],
    );
    ratio
}
