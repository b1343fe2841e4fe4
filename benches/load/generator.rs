//! How good the open loop is as an instrument: against the empty handler, whose answers cost
//! next to nothing, how late are questions sent, and how long do answers seem to take?
//! Latencies below that are the client's.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::client;
use crate::open::{Arrivals, Open, Precedence};
use crate::process::Serving;
use crate::question::Question;
use crate::seen::quantile;

const RATES: [f64; 4] = [200.0, 2_000.0, 10_000.0, 20_000.0];

pub fn run() {
    let empty = Serving::empty_handler();
    let request = client::post("/", "", &[b' '; 600]).into();
    let check = Arc::new(|body: &[u8]| body == b"600");
    let question = Question { request, rows: 1, check };
    println!(
        "\n| open loop against the empty handler, /s | sent /s | sent late: p50, p99, max | answered after: p50, p99 |\n|---|---|---|---|"
    );
    for rate in RATES {
        let questions = Arc::new([question.clone()]);
        let load = Open::start(
            empty.address,
            &Arrivals {
                questions,
                rate,
                connections: 256,
                seed: 1,
                precedence: Precedence::Nobody,
            },
        );
        sleep(Duration::from_millis(500));
        load.enter(1);
        sleep(Duration::from_secs(3));
        load.enter(2);
        let seen = load.end();
        seen.must_be_answered("the empty handler");
        let phase = &seen.phases[1];
        let late = [0.5, 0.99, 1.0].map(|q| quantile(&phase.lateness, q));
        println!(
            "| {rate:.0} | {:.0} | {:.0?}, {:.0?}, {:.0?} | {:.0?}, {:.0?} |",
            phase.lateness.len() as f64 / 3.0,
            late[0],
            late[1],
            late[2],
            phase.quantile(0.5),
            phase.quantile(0.99),
        );
    }
}
