//! Networks through the engine, without HTTP, with and without the passes over tract's graphs,
//! against onnxruntime; everything on one thread.
//!
//! `make networks` prepares the models and runs this as
//! `cargo bench --bench networks -- DIRECTORY PYTHON [MODEL…]`. The three take turns in short
//! rounds, and a figure is the median of the rounds' ratios; the answers are compared first.
//! With `--profile` it prints where the engine's time goes instead.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "networks/answers.rs"]
mod answers;
#[path = "onnxruntime/process.rs"]
mod process;
#[path = "networks/reference.rs"]
mod reference;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onnxd::engine::tract::{Config, Passes, TractEngine};
use onnxd::engine::{Engine, LoadedModel, ModelSource, Plan, PlanLookup};
use onnxd::tensor::{Shape, Tensor};

use reference::Reference;

/// What the server allocates with.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MODELS: [&str; 7] = [
    "light_densenet121",
    "light_resnet50",
    "light_shufflenet",
    "light_squeezenet",
    "light_inception_v1",
    "minilm_l3",
    "magika",
];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);

fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (options, arguments): (Vec<String>, Vec<String>) =
        arguments.into_iter().partition(|argument| argument.starts_with("--"));
    let [directory, python, only @ ..] = arguments.as_slice() else {
        eprintln!(
            "usage: cargo bench --bench networks -- DIRECTORY PYTHON [MODEL…]; or: make networks"
        );
        std::process::exit(2);
    };
    let mut reference = Reference::start(Path::new(python));
    if options.iter().any(|option| option == "--profile") {
        for name in names(only) {
            print_profile(&mut reference, Path::new(directory), name);
        }
        return;
    }
    println!(
        "| model | onnxd ms | without passes ms | onnxruntime ms | onnxd / onnxruntime | onnxd / without passes |"
    );
    println!("|---|---|---|---|---|---|");
    let names = names(only);
    let subjects = names.iter().map(|name| Subject::load(Path::new(directory), name));
    let ratios: Vec<f64> = subjects.map(|subject| subject.compare(&mut reference)).collect();
    println!("\ngeometric mean of onnxd / onnxruntime: {:.2}", geometric_mean(&ratios));
}

fn names(only: &[String]) -> Vec<&str> {
    match only {
        [] => MODELS.to_vec(),
        only => only.iter().map(String::as_str).collect(),
    }
}

/// The operators that take most of the time, without passes and with them.
fn print_profile(reference: &mut Reference, directory: &Path, name: &str) {
    let subject = Subject::load(directory, name);
    let signature = subject.with.signature();
    let inputs = reference.inputs(&subject, signature);
    let named = signature.inputs.iter().zip(&inputs);
    let shapes = named.map(|(spec, input)| (spec.name.clone(), input.shape().dims().to_vec()));
    let source = ModelSource {
        path: subject.onnx.clone(),
        known_shapes: vec![shapes.collect()],
        ..ModelSource::default()
    };
    for passes in [Passes::NONE, Passes::ALL] {
        let engine = TractEngine::new(Config { passes, ..Config::default() });
        let profile = engine.profile(&source).expect("it runs");
        println!("\n{name}, {passes:?}: {:.2} ms", profile.total().as_secs_f64() * 1e3);
        for (operator, nodes, time) in profile.by_operator().iter().take(14) {
            println!("{:8.3} ms  {nodes:4} x {operator}", time.as_secs_f64() * 1e3);
        }
        let mut slowest = profile.nodes.clone();
        slowest.sort_by_key(|node| std::cmp::Reverse(node.time));
        for node in slowest.iter().take(14) {
            let time = node.time.as_secs_f64() * 1e3;
            println!("    {time:8.3} ms  {} '{}'", node.operator, node.node);
        }
    }
}

/// A model, as the engine has it both ways.
struct Subject {
    name: String,
    onnx: PathBuf,
    case: PathBuf,
    with: Arc<dyn LoadedModel>,
    without: Arc<dyn LoadedModel>,
}

impl Subject {
    fn load(directory: &Path, name: &str) -> Self {
        let onnx = directory.join("repository").join(name).join("1/model.onnx");
        let source = ModelSource { path: onnx.clone(), ..ModelSource::default() };
        let load = |passes| {
            let engine = TractEngine::new(Config { passes, ..Config::default() });
            engine.load(&source).expect("the model loads")
        };
        Self {
            name: name.to_owned(),
            onnx,
            case: directory.join("cases").join(format!("{name}.npz")),
            with: load(Passes::ALL),
            without: load(Passes::NONE),
        }
    }

    /// Prints the model's row; the ratio to onnxruntime.
    fn compare(&self, reference: &mut Reference) -> f64 {
        let signature = self.with.signature();
        let inputs = reference.inputs(self, signature);
        let (with, without) = (plan(&*self.with, &inputs), plan(&*self.without, &inputs));
        let stock = without.run(&inputs).expect("it runs");
        let ours = with.run(&inputs).expect("it runs");
        answers::check_alike(&self.name, signature, &ours, &stock);
        answers::check(&self.name, signature, &ours, &reference.outputs(self));
        let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                let with = measure(&*with, &inputs);
                [with, measure(&*without, &inputs), reference.measure(self, ROUND)]
            })
            .collect();
        rounds.sort_by(|a, b| (a[0] / a[2]).total_cmp(&(b[0] / b[2])));
        let [with, without, onnxruntime] = rounds[ROUNDS / 2];
        println!(
            "| {} | {with:.2} | {without:.2} | {onnxruntime:.2} | {:.2} | {:.2} |",
            self.name,
            with / onnxruntime,
            with / without,
        );
        with / onnxruntime
    }
}

/// The plan that serves these inputs once they have come often enough to have their own.
fn plan(model: &dyn LoadedModel, inputs: &[Tensor]) -> Arc<dyn Plan> {
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let lookup = || match model.plan(&shapes) {
        PlanLookup::Ready(plan) => plan,
        PlanLookup::Compiling(ticket) => ticket.blocking_recv().unwrap().expect("it compiles"),
        PlanLookup::Busy => panic!("nothing else is being compiled"),
    };
    let first = lookup();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let now = lookup();
        if !Arc::ptr_eq(&first, &now) {
            return now;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    first
}

/// The median time of a run, in milliseconds.
fn measure(plan: &dyn Plan, inputs: &[Tensor]) -> f64 {
    let run_for = |limit: Duration| {
        let started = Instant::now();
        let mut times = Vec::new();
        while times.len() < 3 || started.elapsed() < limit {
            let run = Instant::now();
            let outputs = plan.run(inputs).expect("it runs");
            times.push(run.elapsed());
            drop(outputs);
        }
        times
    };
    run_for(ROUND / 5);
    let mut times = run_for(ROUND);
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "there are seven")]
fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}
