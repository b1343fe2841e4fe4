//! A server under attack, and a quiet client that must hardly notice.
//!
//! Each attack is a process of its own at the lowest priority and at a bounded rate, since it
//! shares two cores with the server: one that takes both for itself would measure the machine.
//! A server of its own listens for HTTP, gRPC and metrics. In each round the quiet client asks
//! first alone and then under attack, at the same rate, in an open loop whose latency counts
//! from when a question was due. Every one of its answers must be right.

mod attack;
mod bombs;
mod frames;
mod headers;
mod noise;
mod peers;
mod slow;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use self::attack::{ATTACK, run_attack};
use self::attack::{Attack, Running};
use crate::figure::{Bar, Figure, median};
use crate::open::{Arrivals, Open, Precedence};
use crate::process::{Serving, free_address, project};
use crate::question::{Form, Question, Rows};
use crate::raw::Raw;
use crate::seen::{Phase, quantile};
use crate::subjects;

const MODEL: &str = "digits";
/// Questions a second.
const QUIET: f64 = 200.0;
/// Far more than 200 a second need, so that a stall shows as latency, not as a lost question.
const CONNECTIONS: usize = 256;
const ROUNDS: u32 = 3;

/// Before the first round: the server's memory is what it is after some work.
const WARM_UP: Duration = Duration::from_secs(2);
/// So long each round asks alone, if the attack is not shorter.
const ALONE_AT_MOST: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

const ALONE: usize = 1;
const ATTACKED: usize = 2;

/// The server may take so long to give memory back: its allocator keeps it for twenty seconds.
const GIVING_BACK: Duration = Duration::from_secs(25);
/// Near enough to what it was.
const NEAR: u64 = 1 << 20;

/// What an attack may leave in memory: arenas and caches that are there for the next request.
const LEFT_MEGABYTES: f64 = 32.0;

/// The p99 of a quiet client alone is some hundred µs, where one hiccup of the machine is a ratio
/// of its own; beside the plain ratio this one says what a caller could notice.
const NOTICEABLE: Duration = Duration::from_millis(1);

/// Where the server listens.
#[derive(Clone, Copy)]
struct Ports {
    http: SocketAddr,
    grpc: SocketAddr,
    metrics: SocketAddr,
}

/// What one round saw.
struct Round {
    alone: Duration,
    attacked: Duration,
    lateness: Duration,
    asked: usize,
    /// Cores that the server and the attacker were busy on.
    server: f64,
    attacker: f64,
    peak: u64,
    report: String,
}

/// `seconds` is the time of each attack, all rounds together; see [`Attack::usual`]. `only` names one attack.
pub fn run(seconds: Option<usize>, only: Option<&str>) -> Vec<Figure> {
    let bombs = bombs::write();
    let questions = questions();
    println!(
        "\n| attack | what it did, last round | p99 alone | p99 attacked | ratio, rounds | asked, failed | sent late, p99 | cores: server, attacker | MB: before, peak, after |\n|---|---|---|---|---|---|---|---|---|"
    );
    let mut figures = Vec::new();
    for attack in Attack::ALL {
        if only.is_none_or(|only| only == attack.name()) {
            let duration =
                seconds.map_or(attack.usual(), |given| Duration::from_secs(given as u64));
            figures.extend(attacked(attack, duration, &questions, bombs.path()));
        }
    }
    figures
}

fn questions() -> Vec<Question> {
    let raw = Raw::load(&project("benches/models").join(MODEL).join("1"));
    let rows = Rows::new(MODEL, &raw, &[subjects::digits_of(&[256, 64], 4)]);
    subjects::one_by_one(&rows, Form::Json, "")
}

fn attacked(
    attack: Attack,
    duration: Duration,
    questions: &[Question],
    bombs: &Path,
) -> Vec<Figure> {
    let (grpc, metrics) = (free_address(), free_address());
    let (grpc_text, metrics_text) = (grpc.to_string(), metrics.to_string());
    let arguments = ["--grpc-addr", &grpc_text, "--metrics-addr", &metrics_text];
    let server = Serving::onnxd(&project("benches/models"), &arguments);
    let ports = Ports { http: server.address, grpc, metrics };
    let warm_up = quiet(ports.http, questions, 0);
    sleep(WARM_UP);
    warm_up.end().must_be_answered("the warm-up");
    let before = server.resident_bytes();

    let part = duration / ROUNDS;
    let running = || Running::start(attack, ports, part, bombs);
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|round| round_of(&server, ports, questions, part, round, running))
        .collect();
    let after = given_back(&server, before);
    assert_eq!(server.errors(), Vec::<String>::new(), "{attack:?}: the server logs errors");
    report(attack, &rounds, [before, after])
}

fn round_of(
    server: &Serving,
    ports: Ports,
    questions: &[Question],
    part: Duration,
    round: u32,
    start: impl Fn() -> Running,
) -> Round {
    let load = quiet(ports.http, questions, u64::from(round) + 1);
    sleep(Duration::from_millis(500));
    load.enter(ALONE);
    sleep(part.min(ALONE_AT_MOST));
    load.enter(0);
    let running = start();
    load.enter(ATTACKED);
    let (begun, busy) = (Instant::now(), server.time());
    let mut peak = 0;
    while !running.is_over() {
        peak = peak.max(server.resident_bytes());
        sleep(LOOK);
    }
    let cores = |busy: Duration| busy.as_secs_f64() / begun.elapsed().as_secs_f64();
    let server_cores = cores(server.time().saturating_sub(busy));
    load.enter(0);
    let done = running.end();
    let seen = load.end();
    seen.must_be_answered("the quiet client");
    let phases: &[Phase] = &seen.phases;
    Round {
        alone: phases[ALONE].quantile(0.99),
        attacked: phases[ATTACKED].quantile(0.99),
        lateness: quantile(&phases[ATTACKED].lateness, 0.99),
        asked: phases.iter().map(|phase| phase.right.len()).sum(),
        server: server_cores,
        attacker: cores(done.busy),
        peak,
        report: done.report,
    }
}

fn quiet(address: SocketAddr, questions: &[Question], seed: u64) -> Open {
    let arrivals = Arrivals {
        questions: questions.into(),
        rate: QUIET,
        connections: CONNECTIONS,
        seed,
        precedence: Precedence::Client,
    };
    Open::start(address, &arrivals)
}

/// Memory once it is what it was, or when it has had its time.
fn given_back(server: &Serving, before: u64) -> u64 {
    let until = Instant::now() + GIVING_BACK;
    loop {
        let now = server.resident_bytes();
        if now <= before + NEAR || Instant::now() >= until {
            return now;
        }
        sleep(Duration::from_millis(500));
    }
}

fn report(attack: Attack, rounds: &[Round], [before, after]: [u64; 2]) -> Vec<Figure> {
    let seconds =
        |of: fn(&Round) -> Duration| rounds.iter().map(move |round| of(round).as_secs_f64());
    let middle =
        |of: fn(&Round) -> Duration| Duration::from_secs_f64(median(seconds(of).collect()));
    let ratio = |floor: Duration| -> Vec<f64> {
        let of =
            |round: &Round| round.attacked.as_secs_f64() / round.alone.max(floor).as_secs_f64();
        rounds.iter().map(of).collect()
    };
    let plain = ratio(Duration::ZERO);
    let ratios: Vec<String> = plain.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let cores = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let peak = rounds.iter().map(|round| round.peak).max().unwrap_or_default();
    let [before, peak, after] = [before, peak, after].map(|bytes| bytes as f64 / 1e6);
    println!(
        "| {} | {} | {:.2?} | {:.2?} | **{:.2}** ({}) | {}, 0 | {:.2?} | {:.2}, {:.2} | {before:.1}, {peak:.1}, {after:.1} |",
        attack.name(),
        rounds.last().map_or("", |round| round.report.as_str()),
        middle(|round| round.alone),
        middle(|round| round.attacked),
        median(plain.clone()),
        ratios.join(", "),
        rounds.iter().map(|round| round.asked).sum::<usize>(),
        middle(|round| round.lateness),
        cores(|round| round.server),
        cores(|round| round.attacker),
    );
    let name = attack.name();
    let bar = Bar::AtMost(2.0);
    vec![
        Figure::new(format!("{name}: p99 of the quiet client against alone"), median(plain), bar),
        Figure::new(
            format!("the same, against {NOTICEABLE:?} where alone is less"),
            median(ratio(NOTICEABLE)),
            bar,
        ),
        Figure::new("the same: MB more at the peak", peak - before, attack.growth()),
        Figure::new("the same: MB more after", after - before, Bar::AtMost(LEFT_MEGABYTES)),
    ]
}

/// A file of the parent that the attack reads.
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the bench wrote it")
}
