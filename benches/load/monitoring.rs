//! What watching the data costs: one binary, one model of 30 numbers, asked for single rows,
//! with its reference profile and a contract that is enforced, and without either.
//!
//! The two servers take turns in short rounds, each pair in the other order than the one
//! before, so that what the machine's neighbours do falls on both. Two processes of one program
//! are not equally fast either, by more than what is to be measured: so both are started anew
//! several times. A ratio is the median over the pairs; its interval is that of medians of pairs
//! drawn again and again (bootstrap, 95 %).

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use onnxd::tensor::{Shape, Tensor};
use tract_onnx::pb::GraphProto;

use crate::client;
use crate::figure::{Bar, Figure};
use crate::onnx::{file, node, rows_of, weights};
use crate::open::{Arrivals, Open, Precedence};
use crate::pairs::{Ratio, ratio};
use crate::process::Serving;
use crate::question::{Form, Question, Rows};
use crate::random::Random;
use crate::raw::Raw;
use crate::repository::Repository;
use crate::subjects;

const MODEL: &str = "table";
const FEATURES: usize = 30;
/// A look at the windows comes within it, and with it the pace at which rows are counted.
const WARM_UP_PAIRS: usize = 60;

/// Times that both servers are started.
const STARTS: usize = 8;

/// Of each start. Many short rounds: what neighbours do changes within seconds.
const RATE_PAIRS: usize = 75;
const RATE_ROUND: Duration = Duration::from_millis(100);
/// A tail needs some thousand answers.
const TAIL_PAIRS: usize = 10;
const TAIL_ROUND: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 16;

/// Of the rate at saturation: far enough below that the tail is the server's and not the queue's.
const SHARE: f64 = 0.15;

/// What was seen of both servers, pair by pair: watched, not watched.
#[derive(Default)]
struct Seen {
    rates: Vec<[f64; 2]>,
    crowded: Vec<[f64; 2]>,
    tails: Vec<[f64; 2]>,
    /// Seconds of the servers, and questions that they answered meanwhile.
    taken: [f64; 2],
    answered: [f64; 2],
}

pub fn run() -> Vec<Figure> {
    let mut seen = Seen::default();
    (0..STARTS).for_each(|start| seen.start(start));
    let each = [0, 1].map(|at| seen.taken[at] / seen.answered[at] * 1e6);
    println!(
        "\nServer's time for a request of {FEATURES} numbers: {:.2} µs watched, {:.2} µs not, {:?} requests",
        each[0], each[1], seen.answered
    );
    let [rates, crowded, tails] = [&seen.rates, &seen.crowded, &seen.tails].map(|of| ratio(of));
    show("requests/s at saturation", &rates);
    show("p99 at saturation", &crowded);
    show("p99 at a fixed rate", &tails);
    vec![
        Figure::new("watched / not: requests/s at saturation", rates.median, Bar::AtLeast(0.99)),
        Figure::new("watched / not: p99 at saturation", crowded.median, Bar::AtMost(1.01)),
        Figure::new("watched / not: p99 at a fixed rate", tails.median, Bar::AtMost(1.01)),
        Figure::new("watched / not: server's time a request", each[0] / each[1], Bar::AtMost(1.01)),
    ]
}

impl Seen {
    /// Starts both servers, each as often first as the other, and adds what they do.
    fn start(&mut self, start: usize) {
        let (on, off) = if start.is_multiple_of(2) {
            let on = Side::watched();
            (on, Side::unwatched())
        } else {
            let off = Side::unwatched();
            (Side::watched(), off)
        };
        let sides = [&on, &off];
        let questions = questions(&on.repository);
        let saturate = |side: &Side| {
            let outcome = client::load(side.server.address, &questions, CONNECTIONS, RATE_ROUND);
            outcome.must_be_right("saturation");
            outcome
        };
        pairs(WARM_UP_PAIRS, sides, saturate);
        let before = sides.map(|side| side.server.time());
        let rounds = pairs(RATE_PAIRS, sides, saturate);
        for at in [0, 1] {
            self.taken[at] += sides[at].server.time().saturating_sub(before[at]).as_secs_f64();
            self.answered[at] += rounds.iter().map(|pair| pair[at].answered).sum::<u64>() as f64;
        }
        let rates = rounds.iter().map(|pair| [&pair[0], &pair[1]].map(client::Outcome::rate));
        let rates: Vec<[f64; 2]> = rates.collect();
        let rate = rates.iter().map(|pair| pair[1]).sum::<f64>() / rates.len() as f64 * SHARE;
        println!("start {start}: {:.4}", ratio(&rates).median);
        self.rates.extend(rates);
        self.crowded.extend(rounds.iter().map(|pair| [&pair[0], &pair[1]].map(p99_of)));
        self.tails.extend(pairs(TAIL_PAIRS, sides, |side| p99(side, &questions, rate)));
    }
}

fn show(what: &str, ratio: &Ratio) {
    let Ratio { median, low, high } = ratio;
    println!("{what}, watched / not: {median:.4} ({low:.4} to {high:.4})");
}

fn p99_of(outcome: &client::Outcome) -> f64 {
    outcome.quantile(0.99).as_secs_f64()
}

/// What each side gives, pair by pair.
fn pairs<T>(count: usize, sides: [&Side; 2], measure: impl Fn(&Side) -> T) -> Vec<[T; 2]> {
    let pair = |at: usize| {
        if at.is_multiple_of(2) {
            sides.map(&measure)
        } else {
            let [off, on] = [sides[1], sides[0]].map(&measure);
            [on, off]
        }
    };
    (0..count).map(pair).collect()
}

/// Seconds, from when a question was due.
fn p99(side: &Side, questions: &[Question], rate: f64) -> f64 {
    let arrivals = Arrivals {
        questions: questions.into(),
        rate,
        connections: 2048,
        seed: 1,
        precedence: Precedence::Nobody,
    };
    let load = Open::start(side.server.address, &arrivals);
    sleep(TAIL_ROUND / 5);
    load.enter(1);
    sleep(TAIL_ROUND);
    load.enter(2);
    let seen = load.end();
    seen.must_be_answered("fixed rate");
    seen.phases[1].quantile(0.99).as_secs_f64()
}

/// A server with its model.
struct Side {
    server: Serving,
    repository: Repository,
}

impl Side {
    /// With its profile, and the contract that its data suggests, enforced.
    fn watched() -> Self {
        let repository = Self::repository();
        let made = |name: &str| repository.version(MODEL, 1).join(name);
        let suggested = fs::read_to_string(made("contract.suggested.toml"));
        let suggested = suggested.expect("onnxd profile suggests a contract");
        let enforced = suggested.replace("\"observe\"", "\"reject\"");
        assert_ne!(enforced, suggested, "a suggested contract observes");
        fs::write(made("contract.toml"), enforced).expect("the temporary directory is writable");
        let side = Self::serve(repository);
        let ask = format!("GET /api/models/{MODEL}/contract HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = client::fetch(side.server.address, ask.as_bytes()).map(|(_, body)| body);
        let in_force = answer.is_some_and(|body| client::holds(&body, "\"mode\":\"reject\""));
        assert!(in_force, "the contract is in force");
        side
    }

    fn unwatched() -> Self {
        let repository = Self::repository();
        let settings = "[drift]\nmode = \"off\"\n[contract]\nmode = \"off\"\n";
        repository.write_settings(MODEL, settings);
        Self::serve(repository)
    }

    fn repository() -> Repository {
        let repository = Repository::new();
        repository.add(MODEL, 1, &vec![("model.onnx", model())]);
        profile(&repository.root);
        repository
    }

    fn serve(repository: Repository) -> Self {
        Self { server: Serving::onnxd(&repository.root, &[]), repository }
    }
}

/// A logistic regression.
fn model() -> Vec<u8> {
    file(GraphProto {
        name: MODEL.to_owned(),
        input: vec![rows_of("x", &[FEATURES])],
        output: vec![rows_of("p", &[1])],
        node: vec![node("Gemm", &["x", "w", "b"], "z"), node("Sigmoid", &["z"], "p")],
        initializer: vec![weights("w", &[FEATURES, 1], 0.2), weights("b", &[1, 1], 0.1)],
        ..GraphProto::default()
    })
}

/// As `onnxd profile` makes it of rows like those that are asked.
fn profile(models: &Path) {
    let mut random = Random::new(1);
    let names: Vec<String> = (0..FEATURES).map(|feature| format!("f{feature}")).collect();
    let mut table = names.join(",") + "\n";
    for _ in 0..2_000 {
        let row: Vec<String> = (0..FEATURES).map(|_| value(&mut random).to_string()).collect();
        let _ = writeln!(table, "{}", row.join(","));
    }
    let data = models.with_extension("csv");
    fs::write(&data, table).expect("the temporary directory is writable");
    let made = Command::new(env!("CARGO_BIN_EXE_onnxd"))
        .arg("profile")
        .arg(models.join(MODEL))
        .arg("--data")
        .arg(&data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("it starts");
    let _ = fs::remove_file(&data);
    assert!(made.success(), "there is a profile");
}

/// The mean of four even ones: more of them in the middle.
fn value(random: &mut Random) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "inputs are FP32")]
    let sum = (0..4).map(|_| random.unit() as f32).sum::<f32>();
    // As many digits as measurements have.
    (sum * 1000.0).round() / 1000.0
}

fn questions(repository: &Repository) -> Vec<Question> {
    const ROWS: usize = 256;
    let raw = Raw::load(&repository.version(MODEL, 1));
    let mut random = Random::new(2);
    let values: Vec<f32> = (0..ROWS * FEATURES).map(|_| value(&mut random)).collect();
    let shape = Shape::new(vec![ROWS, FEATURES]).expect("a small shape");
    let rows = Tensor::new(shape, values.into()).expect("it fits");
    subjects::one_by_one(&Rows::new(MODEL, &raw, &[rows]), Form::Json, "")
}
