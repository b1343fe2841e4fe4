//! Whether watching data does what `docs/DATA_HEALTH.md` promises: every goal measured beside its
//! bar, with the library's own formulas and decisions, on real and on made-up data.
//!
//! `make health` prepares the data and runs this as
//! `cargo bench --bench health -- DIRECTORY [PART…]`. Time is simulated where windows are judged:
//! a year of flights takes seconds. What monitoring costs a server under load is measured by
//! `cargo bench --bench load -- monitoring`.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on stops, and its figures are rounded"
)]

mod census;
mod contracts;
mod cost;
mod data;
mod flights;
#[path = "../../tests/fuzz/mod.rs"]
mod fuzz;
mod goal;
mod loans;
mod made;
mod memory;
mod outlier;
#[path = "../load/random.rs"]
mod random;
mod same;
mod scrape;
mod watch;

use std::path::Path;

use goal::Goal;

/// As in the server.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [directory, only @ ..] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench health -- DIRECTORY [PART…]; or: make health");
        std::process::exit(2);
    };
    let directory = Path::new(directory);
    let parts: [(&str, &dyn Fn() -> Vec<Goal>); 9] = [
        ("outlier", &outlier::run),
        ("cost", &cost::run),
        // Before others have touched memory.
        ("memory", &memory::run),
        ("scrape", &scrape::run),
        ("contracts", &contracts::run),
        ("same", &|| same::run(directory)),
        ("flights", &|| flights::run(directory)),
        ("loans", &|| loans::run(directory)),
        ("census", &|| census::run(directory)),
    ];
    let wanted = |name: &str| only.is_empty() || only.iter().any(|part| part == name);
    let parts = parts.iter().filter(|(name, _)| wanted(name));
    goal::print(&parts.flat_map(|(_, run)| run()).collect::<Vec<Goal>>());
}
