//! Which threads do the work of a job.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use onnxd::batch::{Failure, Job, Plan, Run, Watcher};
use onnxd::store::Stores;

use crate::support::{Echo, whole_numbers};

struct Silent;

impl Watcher for Silent {}

#[test]
fn all_threads_of_a_job_work_on_a_file_that_is_written_as_one_row_group() {
    const ROWS: usize = 6000;
    const THREADS: usize = 2;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let text = whole_numbers(ROWS);
    std::fs::write(path("in.csv"), format!("x\n{text}")).expect("writable");
    let (inside, entered) = (Mutex::new(0), Condvar::new());
    // Waits until as many threads are in a run.
    let model = Echo::new(1 << 20, |_| {
        let mut inside = inside.lock().expect("nobody panics");
        *inside += 1;
        entered.notify_all();
        let is_alone = |inside: &mut usize| *inside < THREADS;
        let waited = entered.wait_timeout_while(inside, Duration::from_secs(30), is_alone);
        if waited.expect("nobody panics").1.timed_out() {
            return Err(Failure::Model("nobody else came".to_owned()));
        }
        Ok(())
    });
    let job = serde_json::json!({"input": path("in.csv"), "output": path("out.csv")});
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let plan = Plan::new(&job, &stores).expect("the file is there");
    let (threads, resume, work) = (THREADS, false, path("out.part"));
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
