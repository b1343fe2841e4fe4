//! What a swap costs callers: constant load at 70 % of capacity on a model that is swapped
//! and on another one, with and without swaps.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client;
use crate::network;
use crate::process::{self, Serving, project};
use crate::question::Check;
use crate::repository::{self, Files, Repository};
use crate::steady::{Kind, Steady};

/// Each round searches the load anew. In a round, phases without swaps and with some take
/// turns often, so that both see the same of what the machine does on its own.
const ROUNDS: u64 = 5;
const TURNS: u64 = 20;

/// The first phase without swaps; later ones take half as long as the swaps before them. A p99
/// over a time that is much shorter sees less of the machine's bad moments.
const QUIET: Duration = Duration::from_secs(4);
const CAPACITY: Duration = Duration::from_secs(2);
const SHARE: f64 = 0.7;

/// Connections are made and queues filled before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// The phases of a round.
const WARMING: usize = 0;
const STILL: usize = 1;
const SWAPPING: usize = 2;

/// Bounds one swap.
const PATIENCE: Duration = Duration::from_mins(1);

/// A model to swap.
struct Swapped {
    name: &'static str,
    title: &'static str,
    swaps: u64,
    connections: usize,
    /// Files of a version and their contents.
    files: fn(u64) -> Files,
    request: Vec<u8>,
    /// Whether an answer is that of this version.
    check: fn(version: u64, body: &str) -> bool,
}

/// Both models, or only the one of this name.
pub fn run(only: Option<&str>, swaps: Option<usize>) {
    println!(
        "\n| swapped | swaps | requests | failed | its p99: quiet, swapping, ratio | p99 of the other model: quiet, swapping, ratio | one swap takes | resident after 10, after all |\n|---|---|---|---|---|---|---|---|"
    );
    for mut swapped in [network_swapped(), tables_swapped()] {
        swapped.swaps = swaps.map_or(swapped.swaps, |swaps| swaps as u64);
        if only.is_none_or(|only| only == swapped.name) {
            measure(&swapped);
        }
    }
}

fn network_swapped() -> Swapped {
    let row = (0..network::INPUTS).map(|column| format!("{}", column % 7));
    let row = row.collect::<Vec<_>>().join(",");
    let body = format!(
        r#"{{"inputs":[{{"name":"x","datatype":"FP32","shape":[1,{}],"data":[{row}]}}]}}"#,
        network::INPUTS
    );
    Swapped {
        name: "network",
        title: "a network of 34 MB",
        swaps: 200,
        connections: 4,
        files: repository::network,
        request: client::post("/v2/models/network/infer", "", body.as_bytes()),
        check: |version, body| {
            let data = body.split_once(r#""data":["#).and_then(|(_, rest)| rest.split_once(']'));
            let value: Option<f64> = data.and_then(|(number, _)| number.parse().ok());
            // The rest of the network adds the same small number in every version.
            value.is_some_and(|value| (value - network::STEP * version as f64).abs() < 100.0)
        },
    }
}

fn tables_swapped() -> Swapped {
    let body = fs::read(project("models/flight-delay/example.json")).expect("it ships");
    Swapped {
        name: "flight-delay",
        title: "flight-delay, a table of 12 columns",
        swaps: 1000,
        connections: 4,
        files: |version| repository::flight_delay(version + 1),
        request: client::post("/v2/models/flight-delay/infer", "", &body),
        check: |version, body| {
            let expected = if kind_of(version) == 1 { FIRST[0] } else { FIRST[1] };
            body.contains(expected)
        },
    }
}

/// The probability of "late" that each kind of model gives to the example.
const FIRST: [&str; 2] = ["0.158997", "0.098941"];

/// Versions are the boosted trees and the logistic regression in turns. Each round begins
/// with the trees, which cost more: so the load is the one that the dearer of them can take.
fn kind_of(version: u64) -> u64 {
    version % 2 + 1
}

fn measure(swapped: &Swapped) {
    let repository = Repository::new();
    repository.add("digits", 1, &repository::digits());
    // Joined rows would make the capacity larger the more requests wait, and 70 % of it more
    // than the machine can do.
    repository.write_settings(swapped.name, "[batching]\nmax_rows = 1\n");
    repository.add(swapped.name, 1, &(swapped.files)(1));
    let server = Serving::onnxd(&repository.root, &["--poll", "50ms"]);
    let own = Kind {
        request: swapped.request.as_slice().into(),
        check: versioned(swapped.check),
        connections: swapped.connections,
    };
    let digits = fs::read(project("models/digits/example.json")).expect("it ships");
    let other = Kind {
        request: client::post("/v2/models/digits/infer", "", &digits).into(),
        check: Arc::new(|body| client::holds(body, r#""data":[2]"#)),
        connections: 4,
    };
    let mut version = 1;
    let mut early = 0;
    let (mut own_p99, mut other_p99) = (Vec::new(), Vec::new());
    let (mut answered, mut failed) = (0, 0);
    let mut took = Duration::ZERO;
    for _ in 0..ROUNDS {
        // Somebody else's work, done before anything is measured.
        for next in version + 1..=version + swapped.swaps / ROUNDS {
            repository.prepare(swapped.name, next, &(swapped.files)(next));
        }
        // The machine's speed changes from minute to minute, and with it what 70 % are.
        let [own_rate, other_rate] = rates(server.address, [&own, &other]);
        let clients = [
            Steady::start(server.address, &own, Some(own_rate)),
            Steady::start(server.address, &other, Some(other_rate)),
        ];
        let enter = |phase| clients.iter().for_each(|client| client.enter(phase));
        let last = version + swapped.swaps / ROUNDS;
        let mut quiet = QUIET;
        for _ in 0..TURNS {
            // What the last swap leaves to be done belongs to neither phase.
            enter(WARMING);
            sleep(WARM_UP);
            enter(STILL);
            sleep(quiet);
            enter(SWAPPING);
            let started = Instant::now();
            if swapped.swaps == 0 {
                // What the machine alone does to the ratio.
                sleep(QUIET);
            }
            for _ in 0..(swapped.swaps / ROUNDS).div_ceil(TURNS).min(last - version) {
                version += 1;
                repository.publish(swapped.name, version);
                wait_until_live(&server, swapped.name, version);
                repository.remove(swapped.name, version - 1);
                if version == 11 {
                    early = server.resident_bytes();
                }
            }
            took += started.elapsed();
            quiet = started.elapsed() / 2;
            if version == last && swapped.swaps > 0 {
                break;
            }
        }
        let seen = clients.map(Steady::end);
        for seen in &seen {
            answered += seen.answered();
            failed += seen.failed;
        }
        let [own, other] = seen.map(|seen| (seen.p99(STILL), seen.p99(SWAPPING)));
        // Rounds are long; the table comes at the end.
        let name = swapped.name;
        eprintln!("{name} up to version {version}: {:.2}, {:.2}", ratio(own), ratio(other));
        own_p99.push(own);
        other_p99.push(other);
    }
    // What the last version leaves behind goes when its requests have ended.
    sleep(Duration::from_secs(2));
    println!(
        "| {} | {} | {answered} | {failed} | {} | {} | {:.2} s | {:.1} MB, {:.1} MB |",
        swapped.title,
        swapped.swaps,
        figures(own_p99),
        figures(other_p99),
        took.as_secs_f64() / (version - 1).max(1) as f64,
        early as f64 / 1e6,
        server.resident_bytes() as f64 / 1e6,
    );
    assert_eq!(failed, 0, "requests failed during swaps");
}

fn ratio((still, swapping): (Duration, Duration)) -> f64 {
    swapping.as_secs_f64() / still.as_secs_f64()
}

/// The medians over the rounds of both and of their ratio.
fn figures(rounds: Vec<(Duration, Duration)>) -> String {
    let median = |of: fn(&(Duration, Duration)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let ms = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
    let still = median(|(still, _)| still.as_secs_f64());
    let swapping = median(|(_, swapping)| swapping.as_secs_f64());
    let ratio = median(|round| ratio(*round));
    format!("{}, {}, **{ratio:.2}**", ms(still), ms(swapping))
}

/// Requests a second of both kinds that keep the machine busy for [`SHARE`] of its time. It
/// runs the clients, too, and sending at a pace costs them more than sending at once, so the
/// rates of a closed loop are only where the search begins.
fn rates(address: SocketAddr, kinds: [&Kind; 2]) -> [f64; 2] {
    let closed = kinds.map(|kind| Steady::start(address, kind, None));
    sleep(CAPACITY);
    let closed = closed.map(|load| load.end().answered() as f64 / CAPACITY.as_secs_f64());
    let mut share = 0.5;
    for _ in 0..2 {
        let paced =
            [0, 1].map(|kind| Steady::start(address, kinds[kind], Some(closed[kind] * share)));
        sleep(WARM_UP);
        let before = process::busy_time();
        sleep(CAPACITY);
        let busy = process::busy_time().saturating_sub(before);
        for load in paced {
            load.end();
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        share *= SHARE * cores * CAPACITY.as_secs_f64() / busy.as_secs_f64();
    }
    closed.map(|rate| rate * share)
}

/// The answer is right for the version that it names.
fn versioned(check: fn(u64, &str) -> bool) -> Check {
    Arc::new(move |body| {
        let Ok(body) = std::str::from_utf8(body) else { return false };
        let named =
            body.split_once(r#""model_version":""#).and_then(|(_, rest)| rest.split_once('"'));
        let version = named.and_then(|(version, _)| version.parse().ok());
        version.is_some_and(|version| check(version, body))
    })
}

/// Asks until this version answers: seldom, since each question is a new connection, and 50 a
/// second made the tails of all clients half as long again.
pub fn wait_until_live(server: &Serving, model: &str, version: u64) {
    let started = Instant::now();
    let ready =
        format!("GET /v2/models/{model}/versions/{version}/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    while client::once(server.address, ready.as_bytes()) != 200 {
        assert!(started.elapsed() < PATIENCE, "version {version} did not become live");
        sleep(Duration::from_millis(250));
    }
}
