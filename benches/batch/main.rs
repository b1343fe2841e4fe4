//! Whole files against what the machine could do at best, and against the script that people write
//! instead.
//!
//! `make batch-bench` prepares the data and runs this as
//! `cargo bench --bench batch -- DIRECTORY PYTHON`. Everything that is compared takes turns in one
//! run; figures are medians.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on stops, and its figures are rounded"
)]

mod local;
mod process;
mod raw;

use std::path::Path;
use std::time::Instant;

use local::Flights;
use onnxd::batch::{Job, Run, Watcher};
use onnxd::store::Stores;

/// As in the program.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 9;

struct Silent;

impl Watcher for Silent {}

fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [directory, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench batch -- DIRECTORY [PYTHON]; or: make batch-bench");
        std::process::exit(2);
    };
    let directory = Path::new(directory);
    let model = Flights::load();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let prepared = raw::Prepared::new(&model, &directory.join("flights.csv"));
    let ways = [("flights.csv", "parquet"), ("flights.parquet", "csv")];
    let (mut raw, mut whole) = (Vec::new(), vec![Vec::new(); ways.len()]);
    for _ in 0..ROUNDS {
        raw.push(prepared.rows_a_second(&model, cores));
        for (way, seconds) in ways.iter().zip(&mut whole) {
            seconds.push(rows_a_second(&model, cores, directory, *way));
        }
    }
    let best = median(&mut raw);
    println!("raw loop over the plan, {cores} threads: {best:.0} rows/s");
    for ((source, target), rates) in ways.iter().zip(&mut whole) {
        let rate = median(rates);
        println!("{source} to {target}: {rate:.0} rows/s, {:.3} of the raw loop", rate / best);
    }
    if let [python, ..] = rest {
        process::compare(directory, Path::new(python));
    }
}

fn rows_a_second(model: &Flights, threads: usize, directory: &Path, way: (&str, &str)) -> f64 {
    let (source, format) = way;
    let output = directory.join(format!("out.{format}"));
    let job = serde_json::json!({
        "input": directory.join(source),
        "output": output,
        "keep": ["id"],
    });
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let work = directory.join("out.part");
    let run = Run {
        job: &job,
        model,
        stores: &stores,
        threads,
        directory: work,
        resume: false,
        watcher: &Silent,
    };
    let started = Instant::now();
    let outcome = run.run().expect("the flights are predicted");
    outcome.totals.rows as f64 / started.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
