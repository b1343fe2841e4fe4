//! Contracts: what checks cost the thread that serves, and whether anything gets past them.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use onnxd::contract::{Contract, Document, FeatureRule, Mode, Number};
use onnxd::drift::Tally;
use onnxd::tensor::Tensor;

use crate::fuzz;
use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;

const FEATURES: usize = 30;
const ROUNDS: usize = 101;
const ROUND: Duration = Duration::from_millis(4);
const REQUESTS: usize = 256;

pub fn run() -> Vec<Goal> {
    let mut goals = cost();
    goals.extend(million());
    goals
}

/// As `cost.rs` measures bins: the median of many short rounds, over rows that change.
fn cost() -> Vec<Goal> {
    let contract = contract();
    let reference = made::reference(FEATURES, 20_000);
    let mut tally = Tally::new(&reference);
    let alone = |rows| per_row(rows, |inputs| checked(&contract, inputs));
    let (one, many) = (alone(1), alone(64));
    let both = per_row(1, |inputs| {
        checked(&contract, inputs);
        tally.observe_inputs(&reference, inputs);
    });
    let missing = per_row_of(missing_values(64), 64, |inputs| checked(&contract, inputs));
    println!(
        "contract of 30 numbers, 64 rows, one value in 100 missing as allowed: {missing:.0} ns a row"
    );
    vec![
        Goal::new("contract: a number, 64 rows", many / FEATURES as f64, " ns", Bar::AtMost(5.0)),
        Goal::new("contract: a row of 30 numbers, alone", one, " ns", Bar::AtMost(150.0)),
        Goal::new("contract and bins: a row of 30 numbers, alone", both, " ns", Bar::AtMost(300.0)),
    ]
}

/// A range for each number; it may be missing.
fn contract() -> Contract {
    let rule = |column: usize| FeatureRule {
        name: format!("x[{column}]"),
        inf: Some(false),
        min: Some(Number::Whole(-100)),
        max: Some(Number::Whole(100)),
        ..FeatureRule::default()
    };
    let features = (0..FEATURES).map(rule).collect();
    let document = Document { mode: Mode::Reject, features, ..Document::default() };
    Contract::new(&document, &made::table(FEATURES)).expect("it fits the model")
}

fn checked(contract: &Contract, inputs: &mut Vec<Tensor>) {
    let passed = contract.inputs(mem::take(inputs), |input| input);
    (*inputs, _) = passed.expect("nothing is wrong");
}

fn per_row(rows: usize, work: impl FnMut(&mut Vec<Tensor>)) -> f64 {
    let mut random = Random::new(3);
    let mut values = || made::normal(&mut random, rows * FEATURES, 0.1);
    let request = |_| vec![made::tensor(&[rows, FEATURES], values())];
    per_row_of((0..REQUESTS).map(request).collect(), rows, work)
}

fn missing_values(rows: usize) -> Vec<Vec<Tensor>> {
    let mut random = Random::new(3);
    let mut request = || {
        let mut values = made::normal(&mut random, rows * FEATURES, 0.1);
        for value in &mut values {
            if random.chance(0.01) {
                *value = f32::NAN;
            }
        }
        vec![made::tensor(&[rows, FEATURES], values)]
    };
    (0..REQUESTS).map(|_| request()).collect()
}

fn per_row_of(
    mut requests: Vec<Vec<Tensor>>,
    rows: usize,
    mut work: impl FnMut(&mut Vec<Tensor>),
) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (started, mut asked) = (Instant::now(), 0);
            while started.elapsed() < ROUND {
                for inputs in &mut requests {
                    work(black_box(inputs));
                }
                asked += REQUESTS * rows;
            }
            started.elapsed().as_secs_f64() * 1e9 / asked as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

const ROWS: u64 = 1_000_000;
const SEED: u64 = 1;

/// Random rows over a socket; the second half of them must not need more memory.
fn million() -> Vec<Goal> {
    let models = tempfile::tempdir().expect("a directory");
    fuzz::prepare(models.path());
    let server = Serving::start(models.path());
    let started = Instant::now();
    let first = fuzz::run(server.address, ROWS / 2, SEED);
    let before = server.resident();
    let second = fuzz::run(server.address, ROWS / 2, SEED + 1);
    let after = server.resident();
    let sum = |of: fn(&fuzz::Outcome) -> u64| of(&first) + of(&second);
    let (rows, invalid) = (sum(|it| it.rows), sum(|it| it.invalid));
    let rate = rows as f64 / started.elapsed().as_secs_f64();
    println!(
        "\n| seed | rows | requests | invalid rows | requests refused | reached the model | violations missed | fine and not answered | RSS at half / end | rows/s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| {SEED} | {rows} | {} | {invalid} | {} | {} | {} | {} | {before:.1} / {after:.1} MiB | {rate:.0} |",
        sum(|it| it.requests),
        sum(|it| it.refused),
        sum(|it| it.reached),
        sum(|it| it.missed),
        sum(|it| it.wronged),
    );
    let none = |name: &str, count: u64| Goal::new(name, count as f64, "", Bar::AtMost(0.0));
    vec![
        none("a million rows: wrong ones that reached the model", sum(|it| it.reached)),
        none("a million rows: violations missed", sum(|it| it.missed)),
        none("a million rows: fine requests that were wronged", sum(|it| it.wronged)),
        Goal::new("memory of the second half million", after - before, " MiB", Bar::AtMost(4.0)),
    ]
}

/// The server; ends when dropped.
struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Serving {
    fn start(models: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onnxd"));
        command.arg("serve").arg(models).args(["--http-addr", "127.0.0.1:0", "--log", "json"]);
        command.args(["--log-filter", "onnxd::app=info,error"]).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("a line") > 0, "the server ended");
            if let Some((_, rest)) = line.split_once("\"http.addr\":\"") {
                break rest.split('"').next().and_then(|it| it.parse().ok()).expect("an address");
            }
        };
        // A log that nobody reads would stop the server.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let serving = Self { child, address };
        while !serving.is_ready() {
            std::thread::sleep(Duration::from_millis(10));
        }
        serving
    }

    fn is_ready(&self) -> bool {
        ureq::get(format!("http://{}/readyz", self.address)).call().is_ok()
    }

    /// MiB of memory that it has.
    fn resident(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let text = text.expect("Linux has it");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kilobytes: Option<f64> = line.split_whitespace().nth(1).and_then(|n| n.parse().ok());
        kilobytes.expect("a number") / 1024.0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
