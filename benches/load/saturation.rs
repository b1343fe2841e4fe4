//! Whether the cores compute when there is enough to compute: a 10 ms network asked by more
//! connections than there are cores.
//!
//! The figure is the time that the server says it spent in runs
//! (`onnxd_stage_duration_seconds{stage="infer"}`) over cores times wall. A run that waits
//! for a core in the middle looks useful there, so rows a second are also compared with
//! those of the plan alone on as many threads: what is lost to HTTP, the client or to
//! running too much at once is missing in both.

use std::net::SocketAddr;
use std::time::Duration;

use crate::capacity::cores;
use crate::client;
use crate::convolutions::NAME;
use crate::figure::{Bar, Figure, median};
use crate::process::Serving;
use crate::question::{Form, Rows};
use crate::raw::Raw;
use crate::repository::{self, Repository};
use crate::subjects;

const ROUND: Duration = Duration::from_secs(4);
const CONNECTIONS: usize = 8;

pub fn run(rounds: usize) -> Vec<Figure> {
    let repository = Repository::new();
    repository.add(NAME, 1, &repository::convolutions(1));
    let raw = Raw::load(&repository.version(NAME, 1));
    let rows = Rows::new(NAME, &raw, &subjects::pictures());
    let questions = subjects::one_by_one(&rows, Form::Json, "");
    let server = Serving::onnxd(&repository.root, &[]);
    let one_row = rows.tensors(&[0]);
    let (mut useful, mut kept, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(1e3 / raw.rate(&one_row, 1, ROUND / 4));
        let best = raw.rate(&one_row, cores(), ROUND / 2);
        let before = infer_seconds(server.address);
        let outcome = client::load(server.address, &questions, CONNECTIONS, ROUND);
        outcome.must_be_right("saturation");
        let infer = infer_seconds(server.address) - before;
        useful.push(infer / (cores() as f64 * outcome.elapsed.as_secs_f64()));
        kept.push(outcome.rows_rate() / best);
    }
    println!("\nThe network takes {:.1} ms for one row on one core.", median(alone));
    vec![
        Figure::new(
            "a 10 ms network at saturation: time in runs / (cores x wall)",
            median(useful),
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            "the same: rows/s against the plan alone on as many threads",
            median(kept),
            Bar::AtLeast(0.95),
        ),
    ]
}

/// Seconds spent in runs of the network so far.
fn infer_seconds(address: SocketAddr) -> f64 {
    let page = client::fetch(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let page = String::from_utf8(page.expect("a page").1).expect("text");
    let sums = page.lines().filter(|line| {
        line.starts_with("onnxd_stage_duration_seconds_sum")
            && line.contains("stage=\"infer\"")
            && line.contains(&format!("model=\"{NAME}\""))
    });
    sums.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
