//! `onnxd predict`: predictions of whole files.

mod directory;
mod interrupt;
mod local;
mod merge;
mod report;

use std::num::NonZero;
use std::path::Path;
use std::str::FromStr;
use std::thread;

use clap::ArgMatches;

use super::Failure;
use super::load::only;
use crate::batch::{self, Error, Job, Model as _, OnBadRow, Plan, Run, Shard, Summary};
use crate::store::Stores;
use directory::Directory;
use local::Local;
use report::{Report, Reporter};

const NO_REFERENCE: &str =
    "--fail-on-drift: expected a model with a reference profile, it has none";

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    if let Some(("merge-manifest", matches)) = matches.subcommand() {
        return merge::run(matches);
    }
    let job = job(matches)?;
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let path = Path::new(text("MODEL").unwrap_or("."));
    let only = only(path, matches.get_one::<u64>("version").copied())?;
    let stores = Stores::default();
    // Before the model is loaded: a mistake in a name should not take seconds.
    let plan = Plan::new(&job, &stores).map_err(failure)?;
    let model = Local::load(only)?;
    if job.fail_on_drift && model.reference().is_none() {
        return Err(Failure::Usage(NO_REFERENCE.to_owned()));
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let resume = matches.get_flag("resume");
    let directory = Directory::new(&job, text("work-dir"), resume)?;
    let interrupted = interrupt::watch();
    let interrupted = interrupted.map_err(|error| Failure::Work(format!("signals: {error}")))?;
    let reporter = Reporter::new(interrupted);
    let run = Run {
        job: &job,
        plan: &plan,
        model: &model,
        stores: &stores,
        threads: matches.get_one::<usize>("jobs").copied().unwrap_or(cores),
        directory: directory.path().to_owned(),
        resume,
        watcher: &reporter,
    };
    let outcome = run.run();
    reporter.end();
    let outcome = outcome.map_err(|error| left(error, reporter.has_begun(), &directory))?;
    let path = directory.path();
    let removed = batch::remove(path);
    removed.map_err(|error| Failure::Work(format!("{}: {error}", path.display())))?;
    let seconds = reporter.elapsed().as_secs_f64();
    let summary = Summary::new(outcome, model.reference(), seconds, str::to_owned);
    if let Some(file) = text("summary") {
        let json = serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n";
        std::fs::write(file, json).map_err(|error| Failure::Work(format!("{file}: {error}")))?;
    }
    // The standard output may have the predictions.
    eprint!("{}", Report(&summary));
    if job.fail_on_drift { summary.check_drift().map_err(Failure::Work) } else { Ok(()) }
}

fn job(matches: &ArgMatches) -> Result<Job, Failure> {
    let one = |name: &str| matches.get_one::<String>(name).cloned();
    let many = |name: &str| -> Vec<String> {
        matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
    };
    let keep = many("keep");
    let keep = keep.iter().flat_map(|names| names.split(','));
    let keep = keep.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    let on_bad_row = match one("on-bad-row").as_deref() {
        Some("null") => OnBadRow::Null,
        Some("drop") => OnBadRow::Drop,
        _ => OnBadRow::Fail,
    };
    Ok(Job {
        input: many("input"),
        output: one("output").unwrap_or_default(),
        input_format: one("input-format"),
        output_format: one("output-format"),
        keep,
        on_bad_row,
        rejects: one("rejects"),
        max_bad_rows: parsed(one("max-bad-rows"))?,
        fail_on_drift: matches.get_flag("fail-on-drift"),
        shard: parsed::<Shard>(one("shard"))?,
    })
}

fn parsed<T: FromStr<Err = String>>(text: Option<String>) -> Result<Option<T>, Failure> {
    text.map(|text| text.parse().map_err(Failure::Usage)).transpose()
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Asked(reason) => Failure::Usage(reason),
        Error::Changed { .. } => Failure::Usage(error.to_string()),
        other => Failure::Work(other.to_string()),
    }
}

/// The failure, and what is left of the work.
fn left(error: Error, is_begun: bool, directory: &Directory) -> Failure {
    match failure(error) {
        Failure::Work(reason) if is_begun && directory.stays() => Failure::Work(format!(
            "{reason}\nwhat is done lies in {}; --resume goes on with it",
            directory.path().display()
        )),
        other => other,
    }
}
