//! Whole files against what the machine could do at best, and against the script that people write
//! instead.
//!
//! `make batch-bench` prepares the data and runs this as
//! `cargo bench --bench batch -- DIRECTORY PYTHON`. Everything that is compared takes turns in one
//! run; figures are medians. `ONNXD_BENCH_PROGRAM` names another build of the program to measure as a
//! whole.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on stops, and its figures are rounded"
)]

mod local;
mod process;
mod raw;

use std::path::Path;
use std::time::{Duration, Instant};

use local::Flights;
use onnxd::batch::{Job, Plan, Run, Watcher};
use onnxd::store::Stores;

/// As in the program.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 9;
const FLIGHTS: u64 = 336_776;

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
    let mut raw = vec![Vec::new(); raw::SIZES.len()];
    let mut whole = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (costs, cost) in raw.iter_mut().zip(prepared.run(&model, cores)) {
            costs.push(cost);
        }
        for (way, costs) in ways.iter().zip(&mut whole) {
            costs.push(predict(&model, cores, directory, *way));
        }
    }
    // The best size is chosen by its median: the best of each round would be the luckiest.
    let of_sizes = raw::SIZES.into_iter().zip(raw.iter().map(|costs| Cost::median(costs)));
    let best = of_sizes.max_by(|(_, a), (_, b)| a.rate.total_cmp(&b.rate));
    let (size, best) = best.expect("there are sizes");
    println!("raw loop over the plan, {cores} threads, {size} rows at once: {best}");
    for ((source, target), costs) in ways.iter().zip(&whole) {
        let cost = Cost::median(costs);
        let (rate, time) = (cost.rate / best.rate, best.processor / cost.processor);
        println!(
            "{source} to {target}: {cost}; {rate:.3} of the raw loop, {time:.3} by its processor time"
        );
    }
    if let [python, ..] = rest {
        process::compare(directory, Path::new(python));
    }
}

/// What rows cost.
#[derive(Clone, Copy)]
struct Cost {
    /// Rows a second.
    rate: f64,
    /// Microseconds of processors a row: neighbours change it less.
    processor: f64,
}

impl Cost {
    fn of(rows: u64, work: impl FnOnce()) -> Self {
        let (started, before) = (Instant::now(), processor_time());
        work();
        let (elapsed, used) = (started.elapsed(), processor_time().saturating_sub(before));
        let rows = rows as f64;
        Self { rate: rows / elapsed.as_secs_f64(), processor: used.as_secs_f64() * 1e6 / rows }
    }

    fn median(costs: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| median(&mut costs.iter().map(part).collect::<Vec<_>>());
        Self { rate: of(|cost| cost.rate), processor: of(|cost| cost.processor) }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} rows/s, {:.2} us of a processor a row", self.rate, self.processor)
    }
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

fn predict(model: &Flights, threads: usize, directory: &Path, way: (&str, &str)) -> Cost {
    let (source, format) = way;
    let output = directory.join(format!("out.{format}"));
    let job = serde_json::json!({
        "input": directory.join(source),
        "output": output,
        "keep": ["id"],
    });
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let plan = Plan::new(&job, &stores).expect("the flights are there");
    let work = directory.join("out.part");
    let run = Run {
        job: &job,
        plan: &plan,
        model,
        stores: &stores,
        threads,
        directory: work,
        resume: false,
        watcher: &Silent,
    };
    // Replacing a file costs what removing the one before does, too.
    let _ = std::fs::remove_file(&output);
    Cost::of(FLIGHTS, || {
        let outcome = run.run().expect("the flights are predicted");
        assert_eq!(outcome.totals.rows, FLIGHTS);
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
