//! Load figures: the server under real HTTP load, in one run on one machine.
//!
//! `cargo bench --bench load` prints the tables of docs/PERFORMANCE.md. Arguments after `--`
//! choose parts by name: `ratios`, `grpc`, `generator`, `saturation`, `tail`, `flood`, `mix`,
//! `overload`, `idle`, `soak`, `shapes`, `monitoring`, `telemetry`, `jobs`, `swaps` (behind it the
//! name of a model), and `abuse` (behind it the name of an attack), `chaos`, `allocators` and
//! `dashboard`, which run only if they are named. `rounds=2`, `seconds=10` (of the overload and of
//! each attack), `minutes=1` (of the chaos) and `pairs=10` (of the dashboard) make a quick look of it. `ONNXD_BENCH_SERVER` names another server to
//! measure.
//!
//! Client, server and empty handler share the machine's cores, so rates are not the
//! machine's best; ratios within a round are the figures, and medians over the rounds.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on stops, and its figures are rounded"
)]

mod abuse;
mod allocators;
mod capacity;
mod chaos;
mod client;
mod convolutions;
mod dashboard;
mod expect;
mod figure;
mod flood;
mod generator;
mod grpc;
mod idle;
mod jobs;
mod mix;
mod monitoring;
mod network;
mod onnx;
mod open;
mod overload;
mod pairs;
mod process;
mod question;
mod random;
mod ratios;
mod raw;
mod repository;
mod saturation;
mod seen;
mod shapes;
mod soak;
mod steady;
mod subjects;
mod swaps;
mod tail;
mod telemetry;

use std::env;

/// As in the server, so that a plan alone is as fast here as there.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    if let Some(kind) = env::var_os(process::EMPTY_HANDLER) {
        if kind == process::GRPC {
            grpc::run_empty_handler();
        } else {
            process::run_empty_handler();
        }
        return;
    }
    if env::var_os(abuse::ATTACK).is_some() {
        abuse::run_attack();
        return;
    }
    process::allow_many_connections();
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let rounds = number(&arguments, "rounds").unwrap_or(5);
    let parts: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|part| !part.contains('=')).collect();
    let wanted = |name: &str| parts.is_empty() || parts.contains(&name);
    let mut figures = Vec::new();
    if wanted("ratios") {
        figures.extend(ratios::run());
    }
    if wanted("grpc") {
        figures.extend(grpc::run(rounds));
    }
    if wanted("generator") {
        generator::run();
    }
    if wanted("saturation") {
        figures.extend(saturation::run(rounds));
    }
    if wanted("tail") {
        figures.extend(tail::run(rounds));
    }
    if wanted("flood") {
        figures.extend(flood::run(rounds));
    }
    if wanted("mix") {
        figures.extend(mix::run(rounds));
    }
    if wanted("overload") {
        figures.extend(overload::run(number(&arguments, "seconds").unwrap_or(60)));
    }
    if wanted("idle") {
        idle::run();
    }
    if wanted("soak") {
        soak::run();
    }
    if wanted("shapes") {
        figures.extend(shapes::run());
    }
    if wanted("monitoring") {
        figures.extend(monitoring::run());
    }
    if wanted("telemetry") {
        figures.extend(telemetry::run());
    }
    if wanted("jobs") {
        figures.extend(jobs::run(rounds));
    }
    if wanted("swaps") {
        swaps::run(parts.get(1).copied(), number(&arguments, "swaps"));
    }
    // A quarter of an hour: only by name.
    if parts.contains(&"abuse") {
        figures.extend(abuse::run(number(&arguments, "seconds"), parts.get(1).copied()));
    }
    // Needs other servers: only by name.
    if parts.contains(&"allocators") {
        allocators::run();
    }
    // Needs a browser: only by name, from `make dashboard-bench`.
    if parts.contains(&"dashboard") {
        figures.extend(dashboard::run(number(&arguments, "pairs")));
    }
    // Ten minutes that give no figure: only by name.
    if parts.contains(&"chaos") {
        chaos::run(number(&arguments, "minutes").unwrap_or(10));
    }
    figure::print(&figures);
}

/// The number behind `name=`.
fn number(arguments: &[String], name: &str) -> Option<usize> {
    let given =
        arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='));
    given.map(|text| text.parse().expect("a number behind the '='"))
}
