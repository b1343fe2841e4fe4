//! Tree ensembles through the engine, without HTTP, against onnxruntime on one thread.
//!
//! `make trees` prepares the models and runs this as
//! `cargo bench --bench trees -- DIRECTORY PYTHON [MODEL…]`. Both take turns in short rounds
//! on batches that change from run to run, so that neither learns the rows by heart; the
//! answers are compared first.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "trees/answers.rs"]
mod answers;
#[path = "onnxruntime/process.rs"]
mod process;
#[path = "trees/reference.rs"]
mod reference;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onnxd::engine::tract::{Config, TractEngine};
use onnxd::engine::{Engine, LoadedModel, ModelSource, Plan, PlanLookup};
use onnxd::tensor::{Data, Shape, Tensor};
use serde_json::Value;

use reference::Reference;

const ROWS: [usize; 3] = [1, 64, 1000];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(200);

fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [directory, python, only @ ..] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench trees -- DIRECTORY PYTHON [MODEL…]; or: make trees");
        std::process::exit(2);
    };
    let mut reference = Reference::start(Path::new(python));
    println!("| model | rows | onnxd µs | onnxruntime µs | ratio |\n|---|---|---|---|---|");
    for name in names(Path::new(directory)) {
        if only.is_empty() || only.contains(&name) {
            Subject::load(Path::new(directory), &name).compare(&mut reference);
        }
    }
}

/// The models of the directory, in the order of their names.
fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).expect("DIRECTORY exists");
    let mut names: Vec<String> = files
        .filter_map(|file| {
            let file = file.ok()?.file_name().into_string().ok()?;
            Some(file.strip_suffix(".onnx")?.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// A model and its rows.
struct Subject {
    name: String,
    onnx: PathBuf,
    table: PathBuf,
    features: usize,
    values: Vec<f32>,
    model: Arc<dyn LoadedModel>,
}

impl Subject {
    fn load(directory: &Path, name: &str) -> Self {
        let file = |extension: &str| directory.join(format!("{name}.{extension}"));
        let about: Value = serde_json::from_slice(&fs::read(file("json")).unwrap()).unwrap();
        let features = usize::try_from(about["features"].as_u64().unwrap()).unwrap();
        let bytes = fs::read(file("f32")).unwrap();
        let values = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let source = ModelSource { path: file("onnx"), ..ModelSource::default() };
        let model = TractEngine::new(Config::default()).load(&source).expect("the model loads");
        Self {
            name: name.to_owned(),
            onnx: source.path,
            table: file("f32"),
            features,
            values,
            model,
        }
    }

    fn compare(&self, reference: &mut Reference) {
        let expected = reference.outputs(self, self.values.len() / self.features);
        answers::check(&self.name, self.model.signature(), &self.run_all(), &expected);
        for rows in ROWS {
            let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
                .map(|_| (self.measure(rows), reference.measure(self, rows, ROUND)))
                .collect();
            rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
            let (ours, theirs) = rounds[ROUNDS / 2];
            println!("| {} | {rows} | {ours:.1} | {theirs:.1} | {:.2} |", self.name, ours / theirs);
        }
    }

    fn run_all(&self) -> Vec<Tensor> {
        let all = self.tensor(&self.values);
        self.plan(&all).run(std::slice::from_ref(&all)).expect("it runs")
    }

    /// The median time of a run, in microseconds.
    fn measure(&self, rows: usize) -> f64 {
        let batches = self.values.chunks_exact(rows * self.features);
        let batches: Vec<[Tensor; 1]> = batches.map(|batch| [self.tensor(batch)]).collect();
        let plan = self.plan(&batches[0][0]);
        let run = |turn: usize| {
            let started = Instant::now();
            let outputs = plan.run(&batches[turn % batches.len()]).expect("it runs");
            let taken = started.elapsed();
            drop(outputs);
            taken
        };
        let run_for = |limit: Duration| {
            let started = Instant::now();
            let mut times = Vec::new();
            while times.len() < 5 || started.elapsed() < limit {
                times.push(run(times.len()));
            }
            times
        };
        run_for(ROUND / 5);
        let mut times = run_for(ROUND);
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    }

    fn tensor(&self, values: &[f32]) -> Tensor {
        let shape = Shape::new(vec![values.len() / self.features, self.features]).unwrap();
        Tensor::new(shape, Data::Fp32(values.to_vec())).unwrap()
    }

    fn plan(&self, input: &Tensor) -> Arc<dyn Plan> {
        match self.model.plan(std::slice::from_ref(input.shape())) {
            PlanLookup::Ready(plan) => plan,
            PlanLookup::Compiling(ticket) => ticket.blocking_recv().unwrap().expect("it compiles"),
            PlanLookup::Busy => panic!("nothing else is being compiled"),
        }
    }
}
