//! How many rows run together: sums of floats may be rounded otherwise in other company.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use onnxd::batch::{Error, Job, Outcome, Plan, Progress, Run, Watcher};
use onnxd::store::Stores;

use crate::support::{Echo, whole_numbers};

const ROWS: usize = 100_000;

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

/// A job by a model of which so many rows cost least together; and how many of them came at most.
fn run(
    directory: &Path,
    rows_at_once: usize,
    resume: bool,
    watcher: &dyn Watcher,
) -> (Result<Outcome, Error>, usize) {
    let path = |name: &str| directory.join(name);
    let job = serde_json::json!({"input": path("in.csv"), "output": path("out.csv")});
    let job: Job = serde_json::from_value(job).expect("a job");
    let stores = Stores::default();
    let plan = Plan::new(&job, &stores).expect("the file is there");
    let directory = path("out.part");
    let most = AtomicUsize::new(0);
    let model = Echo::new(rows_at_once, |inputs| {
        let rows = inputs[0].rows().expect("a column has rows");
        most.fetch_max(rows, Ordering::Relaxed);
        Ok(())
    });
    let (job, plan, model, stores) = (&job, &plan, &model, &stores);
    let run = Run { job, plan, model, stores, threads: 1, directory, resume, watcher };
    let outcome = run.run();
    (outcome, most.load(Ordering::Relaxed))
}

/// A job over a file of rows that broke off while it ran 16 of them at once.
fn broken() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let text = format!("x\n{}", whole_numbers(ROWS));
    std::fs::write(directory.path().join("in.csv"), text).expect("writable");
    let (broken, most) = run(directory.path(), 16, false, &Impatient::default());
    assert!(matches!(broken, Err(Error::Cancelled)), "{broken:?}");
    assert_eq!(most, 16);
    directory
}

/// Goes on with it where 64 cost least; how many ran together.
fn gone_on(directory: &Path) -> usize {
    let (outcome, most) = run(directory, 64, true, &Patient);
    assert!(outcome.expect("it goes on").rows_before > 0);
    let written = std::fs::read_to_string(directory.join("out.csv")).expect("it is text");
    assert_eq!(written, format!("y\n{}", whole_numbers(ROWS)));
    most
}

#[test]
fn who_goes_on_with_a_job_runs_as_many_rows_together_as_who_began_it() {
    let directory = broken();
    assert_eq!(gone_on(directory.path()), 16);
    // From the beginning it is as the model is here.
    let (outcome, most) = run(directory.path(), 64, false, &Patient);
    outcome.expect("it is done anew");
    assert_eq!(most, 64);
}

#[test]
fn a_journal_that_does_not_say_how_many_rows_ran_together_is_gone_on_with() {
    let directory = broken();
    let journal = directory.path().join("out.part/journal");
    let told = std::fs::read_to_string(&journal).expect("it is text");
    let less = told.replacen(",\"rows_at_once\":16", "", 1);
    assert_ne!(told, less);
    std::fs::write(journal, less).expect("writable");
    assert_eq!(gone_on(directory.path()), 64);
}
