//! Load figures: the server under real HTTP load, against an empty axum handler that
//! reads the same bodies, in one run on one machine.
//!
//! `cargo bench --bench load` prints the table of docs/PERFORMANCE.md. Arguments after `--`
//! choose parts by name: `ratios`, `soak`, `idle`, `swaps`, and behind
//! `swaps` the name of the model.
//!
//! Client, server and handler share the machine's cores, so rates are not the machine's
//! best; their ratio is the figure. Each scenario alternates the two and takes the median
//! of the ratios.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on stops, and its figures are rounded"
)]

mod client;
mod idle;
mod network;
mod process;
mod ratios;
mod soak;
mod steady;
mod swaps;

use std::env;

fn main() {
    if env::var_os(process::EMPTY_HANDLER).is_some() {
        process::run_empty_handler();
        return;
    }
    let parts: Vec<String> =
        env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| part == name);
    if wanted("ratios") {
        ratios::run();
    }
    if wanted("idle") {
        idle::run();
    }
    if wanted("soak") {
        soak::run();
    }
    if wanted("swaps") {
        swaps::run(parts.get(1).map(String::as_str));
    }
}
