//! The tail of latency when the machine is busy but not overloaded: a table model, one row a
//! question, Poisson arrivals that keep the machine 70 % busy, the client included.

use std::thread::sleep;
use std::time::Duration;

use crate::capacity;
use crate::figure::{Bar, Figure, median};
use crate::open::{Arrivals, Open};
use crate::process::Serving;
use crate::question::{Form, Rows};
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
    let server = Serving::onnxd(&repository.root, &[]);
    println!(
        "\n| flight-delay, 1 row, 70 % busy: closed loop /s | open loop /s | p50 | p99 | p99 / p50 | sent late, p99 |\n|---|---|---|---|---|---|"
    );
    let ratios = (0..rounds).map(|round| {
        let closed = capacity::closed(server.address, &questions, 16);
        let mut arrivals = Arrivals {
            questions: questions.as_slice().into(),
            rate: 0.0,
            connections: 1024,
            seed: round as u64,
        };
        arrivals.rate = capacity::busy_rate(server.address, &arrivals, closed, SHARE);
        let load = Open::start(server.address, &arrivals);
        sleep(WARM_UP);
        load.enter(MEASURED);
        sleep(ROUND);
        let seen = load.end();
        seen.must_be_answered("the tail");
        let phase = &seen.phases[MEASURED];
        let (p50, p99) = (phase.quantile(0.5), phase.quantile(0.99));
        let ratio = p99.as_secs_f64() / p50.as_secs_f64();
        println!(
            "| {closed:.0} | {:.0} | {p50:.2?} | {p99:.2?} | {ratio:.2} | {:.2?} |",
            arrivals.rate,
            quantile(&phase.lateness, 0.99),
        );
        ratio
    });
    let ratio = median(ratios.collect());
    vec![Figure::new("p99 / p50 at 70 % load, flight-delay, 1 row", ratio, Bar::AtMost(4.0))]
}
