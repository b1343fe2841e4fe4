//! The server with the allocator that it ships and with two others, in turns.
//!
//! `ONNXD_SYSTEM_ALLOCATOR` names a server built with `--no-default-features`, `ONNXD_MIMALLOC`
//! the library `libmimalloc.so`, which is loaded before that server.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::client;
use crate::figure::median;
use crate::process::{Serving, project};
use crate::ratios;
use crate::repository::{self, Repository};
use crate::swaps;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const SWAPS: u64 = 20;

struct Contender {
    server: Serving,
    repository: Repository,
}

pub fn run() {
    let path = |name| env::var_os(name).expect("make allocators sets it");
    let (system, mimalloc) = (path("ONNXD_SYSTEM_ALLOCATOR"), path("ONNXD_MIMALLOC"));
    let found = fs::exists(&mimalloc).is_ok_and(|exists| exists);
    assert!(found, "there is no {}", mimalloc.display());
    let mut preloaded = Command::new(&system);
    preloaded.env("LD_PRELOAD", mimalloc);
    let contenders = [
        Contender::start(Command::new(env!("CARGO_BIN_EXE_onnxd"))),
        Contender::start(Command::new(system)),
        Contender::start(preloaded),
    ];
    println!("\n| requests a second, against jemalloc | jemalloc | system | mimalloc |");
    println!("|---|---|---|---|");
    for scenario in ratios::scenarios() {
        let question = [scenario.question()];
        let mut ratios = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let rates = contenders.each_ref().map(|contender| {
                let address = contender.server.address;
                let outcome = client::load(address, &question, scenario.connections, ROUND);
                outcome.must_be_right(scenario.name);
                outcome.rate()
            });
            ratios.iter_mut().zip(rates).for_each(|(all, rate)| all.push(rate / rates[0]));
        }
        let cells = ratios.map(|ratios| format!("{:.2}", median(ratios))).join(" | ");
        println!("| {} | {cells} |", scenario.name);
    }
    let megabytes = || {
        let resident = contenders.each_ref().map(|one| one.server.resident_bytes() as f64 / 1e6);
        resident.map(|megabytes| format!("{megabytes:.1} MB")).join(" | ")
    };
    println!("| resident after that | {} |", megabytes());
    for contender in &contenders {
        contender.swap();
    }
    println!("| resident after {SWAPS} swaps of the 34 MB network | {} |", megabytes());
}

impl Contender {
    fn start(command: Command) -> Self {
        let repository = Repository::new();
        repository.add("digits", 1, &repository::digits());
        let means = fs::read(project("benches/models/channel-means/1/model.onnx"));
        repository.add("channel-means", 1, &vec![("model.onnx", means.expect("a fixture"))]);
        repository.add("network", 1, &repository::network(1));
        let server = Serving::over(command, &repository.root, &["--poll", "50ms"]);
        Self { server, repository }
    }

    fn swap(&self) {
        for version in 2..=SWAPS + 1 {
            self.repository.add("network", version, &repository::network(version));
            swaps::wait_until_live(&self.server, "network", version);
            self.repository.remove("network", version - 1);
        }
        // What a removed version holds goes when its last request has ended.
        std::thread::sleep(Duration::from_secs(2));
    }
}
