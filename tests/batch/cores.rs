//! Which threads do the work of a job.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use onnxd::batch::{Failure, Job, Model, Plan, Run, Watcher};
use onnxd::contract::Contract;
use onnxd::drift::Reference;
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::store::Stores;
use onnxd::tensor::{DataType, Tensor};

/// Gives back what it gets, and waits in its runs until as many threads are in one.
struct Meeting {
    signature: Signature,
    threads: usize,
    inside: Mutex<usize>,
    entered: Condvar,
}

impl Model for Meeting {
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
        1 << 20
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        let mut inside = self.inside.lock().expect("nobody panics");
        *inside += 1;
        self.entered.notify_all();
        let is_alone = |inside: &mut usize| *inside < self.threads;
        let waited = self.entered.wait_timeout_while(inside, Duration::from_secs(30), is_alone);
        if waited.expect("nobody panics").1.timed_out() {
            return Err(Failure::Model("nobody else came".to_owned()));
        }
        Ok(inputs.to_vec())
    }
}

struct Silent;

impl Watcher for Silent {}

#[test]
fn all_threads_of_a_job_work_on_a_file_that_is_written_as_one_row_group() {
    const ROWS: usize = 6000;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let rows: Vec<String> = (0..ROWS).map(|row| row.to_string()).collect();
    let text = rows.join("\n") + "\n";
    std::fs::write(path("in.csv"), format!("x\n{text}")).expect("writable");
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        data_type: DataType::Int64,
        dims: Some(vec![Dim::Unknown]),
        columns: None,
    };
    let signature = Signature { inputs: vec![spec("x")], outputs: vec![spec("y")] };
    let model = Meeting { signature, threads: 2, inside: Mutex::new(0), entered: Condvar::new() };
    let job = serde_json::json!({"input": path("in.csv"), "output": path("out.csv")});
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let plan = Plan::new(&job, &stores).expect("the file is there");
    let (threads, resume, work) = (model.threads, false, path("out.part"));
    let run = Run {
        job: &job,
        plan: &plan,
        model: &model,
        stores: &stores,
        threads,
        directory: work,
        resume,
        watcher: &Silent,
    };
    assert_eq!(run.run().expect("they meet").totals.rows, ROWS as u64);
    let written = std::fs::read_to_string(path("out.csv")).expect("it is text");
    assert_eq!(written, format!("y\n{text}"), "the rows are in their order");
}
