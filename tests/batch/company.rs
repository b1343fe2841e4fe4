//! How many rows run together: sums of floats may be rounded otherwise in other company.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use onnxd::batch::{Error, Failure, Job, Model, Outcome, Plan, Progress, Run, Watcher};
use onnxd::contract::Contract;
use onnxd::drift::Reference;
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::store::Stores;
use onnxd::tensor::{DataType, Tensor};

const ROWS: usize = 100_000;

/// Gives back what it gets, and knows how many rows came together.
struct Counting {
    signature: Signature,
    rows_at_once: usize,
    seen: Mutex<BTreeSet<usize>>,
}

impl Counting {
    fn new(rows_at_once: usize) -> Self {
        let spec = |name: &str| TensorSpec {
            name: name.to_owned(),
            data_type: DataType::Int64,
            dims: Some(vec![Dim::Unknown]),
            columns: None,
        };
        let signature = Signature { inputs: vec![spec("x")], outputs: vec![spec("y")] };
        Self { signature, rows_at_once, seen: Mutex::default() }
    }

    fn most(&self) -> Option<usize> {
        self.seen.lock().expect("nobody panics").last().copied()
    }
}

impl Model for Counting {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sha256(&self) -> &'static str {
        "0"
    }

    fn contract(&self) -> Option<&Contract> {
        None
    }

    fn reference(&self) -> Option<&Reference> {
        None
    }

    fn rows_at_once(&self) -> usize {
        self.rows_at_once
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        let rows = inputs[0].rows().expect("a column has rows");
        self.seen.lock().expect("nobody panics").insert(rows);
        Ok(inputs.to_vec())
    }
}

/// Ends the job once something is written.
#[derive(Default)]
struct Impatient(AtomicBool);

impl Watcher for Impatient {
    fn at(&self, _: &Progress) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Patient;

impl Watcher for Patient {}

fn run(
    directory: &Path,
    model: &Counting,
    resume: bool,
    watcher: &dyn Watcher,
) -> Result<Outcome, Error> {
    let path = |name: &str| directory.join(name);
    let job = serde_json::json!({"input": path("in.csv"), "output": path("out.csv")});
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let plan = Plan::new(&job, &stores).expect("the file is there");
    let directory = path("out.part");
    let (job, plan, stores) = (&job, &plan, &stores);
    Run { job, plan, model, stores, threads: 1, directory, resume, watcher }.run()
}

/// A file of rows, and a job over it that broke off while it ran 16 of them at once.
fn broken() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let rows: Vec<String> = (0..ROWS).map(|row| row.to_string()).collect();
    let text = rows.join("\n") + "\n";
    std::fs::write(directory.path().join("in.csv"), format!("x\n{text}")).expect("writable");
    let model = Counting::new(16);
    let broken = run(directory.path(), &model, false, &Impatient::default());
    assert!(matches!(broken, Err(Error::Cancelled)), "{broken:?}");
    assert_eq!(model.most(), Some(16));
    (directory, text)
}

#[test]
fn who_goes_on_with_a_job_runs_as_many_rows_together_as_who_began_it() {
    let (directory, text) = broken();
    let model = Counting::new(64);
    let outcome = run(directory.path(), &model, true, &Patient).expect("it goes on");
    assert!(outcome.rows_before > 0);
    assert_eq!(model.most(), Some(16));
    let written = std::fs::read_to_string(directory.path().join("out.csv")).expect("it is text");
    assert_eq!(written, format!("y\n{text}"));

    // From the beginning it is as the model is here.
    let model = Counting::new(64);
    run(directory.path(), &model, false, &Patient).expect("it is done anew");
    assert_eq!(model.most(), Some(64));
}

#[test]
fn a_journal_that_does_not_say_how_many_rows_ran_together_is_gone_on_with() {
    let (directory, text) = broken();
    let journal = directory.path().join("out.part/journal");
    let told = std::fs::read_to_string(&journal).expect("it is text");
    let less = told.replacen(",\"rows_at_once\":16", "", 1);
    assert_ne!(told, less);
    std::fs::write(journal, less).expect("writable");
    let model = Counting::new(64);
    let outcome = run(directory.path(), &model, true, &Patient).expect("it goes on");
    assert!(outcome.rows_before > 0);
    assert_eq!(model.most(), Some(64));
    let written = std::fs::read_to_string(directory.path().join("out.csv")).expect("it is text");
    assert_eq!(written, format!("y\n{text}"));
}
