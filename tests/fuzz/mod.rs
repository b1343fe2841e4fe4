//! Random rows against a contract that refuses, over a real socket. The model gives back what it
//! gets, a judge that knows nothing of contracts says which rows are wrong, and the server says
//! how many rows its model ran.
//!
//! Shared by the tests, which send some thousand rows, and the bench, which sends a million.

mod judge;
mod model;
mod row;
mod wire;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use judge::Wrong;
use row::{Random, Row};
use wire::Format;

/// Violations that a refusal lists.
const MOST_LISTED: usize = 100;

/// What came of all rows.
#[derive(Debug, Default)]
pub struct Outcome {
    pub rows: u64,
    pub requests: u64,
    /// Rows that the judge calls wrong.
    pub invalid: u64,
    /// Of requests with one of those, which must not run.
    pub refused: u64,
    /// Rows in requests with a wrong one that were answered, or that ran unanswered.
    pub reached: u64,
    /// Violations that a refusal should have had, in their order, and those that it made up.
    pub missed: u64,
    /// Requests without a wrong row that had no answer, or another one than what they sent.
    pub wronged: u64,
}

/// Writes the model and its contract into a directory of models.
pub fn prepare(models: &Path) {
    let version = models.join("echo/1");
    fs::create_dir_all(&version).expect("a directory");
    fs::write(version.join("model.onnx"), model::echo()).expect("the model");
    fs::write(models.join("echo/contract.toml"), judge::CONTRACT).expect("the contract");
}

/// Sends rows until there were so many. The same seed asks the same questions.
pub fn run(address: SocketAddr, rows: u64, seed: u64) -> Outcome {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut random = Random::new(seed);
    let mut outcome = Outcome::default();
    let before = ran(&agent, address);
    let mut right = 0;
    while outcome.rows < rows {
        let request = row::request(&mut random);
        let wrong = judge::wrong(&request);
        outcome.invalid += judge::rows(&wrong);
        outcome.rows += request.len() as u64;
        outcome.requests += 1;
        if wrong.is_empty() {
            right += request.len() as u64;
        }
        let format = Format::any(&mut random);
        let (status, body) = wire::send(&agent, address, format, &request);
        look(&mut outcome, (format, &request, &wrong), status, &body);
    }
    // What ran and was not answered.
    let all = ran(&agent, address) - before;
    outcome.reached += all.saturating_sub(right + outcome.reached);
    outcome
}

fn look(
    outcome: &mut Outcome,
    (format, request, wrong): (Format, &[Row], &[Wrong]),
    status: u16,
    body: &[u8],
) {
    if wrong.is_empty() {
        let echoed = status == 200 && wire::is_echo(format, request, body);
        outcome.wronged += u64::from(!echoed);
        return;
    }
    if status != 400 {
        outcome.reached += request.len() as u64;
        outcome.missed += wrong.len() as u64;
        return;
    }
    outcome.refused += 1;
    let document: Value = serde_json::from_slice(body).expect("a refusal is JSON");
    let listed = document["violations"].as_array().expect("it lists violations");
    let of = |at: usize| listed.get(at).map(Wrong::listed);
    let expected = wrong.iter().take(MOST_LISTED);
    outcome.missed +=
        expected.enumerate().filter(|(at, wrong)| of(*at).as_ref() != Some(wrong)).count() as u64;
    let more = listed.len().saturating_sub(wrong.len().min(MOST_LISTED)) as u64;
    let total = document["total"].as_u64().unwrap_or_default();
    outcome.missed += more + total.abs_diff(wrong.len() as u64);
}

/// Rows that the model ran so far.
fn ran(agent: &ureq::Agent, address: SocketAddr) -> u64 {
    let path = format!("http://{address}/v2/models/echo/stats");
    let mut response = agent.get(path).call().expect("the server answers");
    let text = response.body_mut().read_to_string().expect("statistics");
    let document: Value = serde_json::from_str(&text).expect("they are JSON");
    let batches = document["model_stats"][0]["batch_stats"].as_array().expect("a list");
    let rows = |batch: &Value| {
        let count = |value: &Value| value.as_u64().expect("a number");
        count(&batch["batch_size"]) * count(&batch["compute_infer"]["count"])
    };
    batches.iter().map(rows).sum()
}
