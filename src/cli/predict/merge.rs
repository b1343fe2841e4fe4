//! `onnxd predict merge-manifest`: whether all shards of a job are there, and one file of them.

use std::fmt::Write;
use std::path::Path;

use clap::ArgMatches;
use serde::Serialize;

use super::local::Local;
use super::{NO_REFERENCE, failure, parsed};
use crate::batch::{self, Limit, Merged, Model as _, Output};
use crate::cli::Failure;
use crate::cli::load::only;
use crate::drift::{FileVerdict, Reference};
use crate::store::Stores;

/// Problems that are shown to people; there may be one for each of very many files.
const SHOWN: usize = 50;

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let from: Vec<String> =
        matches.get_many::<String>("FROM").into_iter().flatten().cloned().collect();
    let limit: Option<Limit> = parsed(matches.get_one::<String>("max-bad-rows").cloned())?;
    let stores = Stores::default();
    let reference = reference(matches)?;
    let merged = batch::merge(&stores, &from, matches.get_flag("verify")).map_err(failure)?;
    let is_complete = merged.problems.is_empty();
    let (bad, rows) = (merged.totals.bad, merged.totals.rows);
    let passed = limit.filter(|limit| limit.is_passed(bad, rows));
    let outputs = match matches.get_one::<String>("output") {
        Some(name) if is_complete && passed.is_none() => {
            merged.join(&stores, name).map_err(failure)?
        }
        _ => Vec::new(),
    };
    let verdict = reference.as_ref().map(|reference| merged.verdict(reference));
    let judged = verdict.as_ref().and_then(|verdict| verdict.as_ref().ok());
    if matches.get_flag("json") {
        let report = Report { drift: judged, ..Report::new(&merged, &outputs) };
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print!("{}", text(&merged, &outputs));
        if let Some(verdict) = judged {
            println!("{verdict}");
        }
    }
    if !is_complete {
        return Err(Failure::Work(wrong(&merged)));
    }
    if let Some(limit) = passed {
        let limit = limit.to_string();
        return Err(failure(batch::Error::TooManyBad { bad, rows, limit }));
    }
    let verdict = verdict.transpose();
    let verdict =
        verdict.map_err(|reason| Failure::Work(format!("drift cannot be judged: {reason}")))?;
    match verdict {
        Some(verdict) if matches.get_flag("fail-on-drift") => {
            verdict.check().map_err(Failure::Work)
        }
        _ => Ok(()),
    }
}

/// What the rows of all shards are to be held against.
fn reference(matches: &ArgMatches) -> Result<Option<Reference>, Failure> {
    let Some(model) = matches.get_one::<String>("model") else { return Ok(None) };
    let only = only(Path::new(model), matches.get_one::<u64>("version").copied())?;
    let model = Local::load(only)?;
    match model.reference() {
        Some(reference) => Ok(Some(reference.clone())),
        None => Err(Failure::Usage(NO_REFERENCE.to_owned())),
    }
}

fn wrong(merged: &Merged) -> String {
    let all = merged.problems.len();
    let mut text = merged.problems[..all.min(SHOWN)].join("\n");
    if all > SHOWN {
        // Writing into a string cannot fail.
        let _ = write!(text, "\nand {} more", all - SHOWN);
    }
    text
}

fn text(merged: &Merged, outputs: &[Output]) -> String {
    let Merged { shards, of, totals, files, bytes, .. } = merged;
    let mut text = format!(
        "{shards} of {of} shards: {} rows read, {} written, {files} files, {bytes} bytes\n",
        totals.rows, totals.written
    );
    if totals.bad > 0 {
        let _ = writeln!(text, "{} of {} rows are bad:", totals.bad, totals.rows);
        for (code, count) in &totals.codes {
            let _ = writeln!(text, "  {code}: {count}");
        }
    }
    for output in outputs {
        let _ = writeln!(text, "{}: {} bytes", output.name, output.bytes);
    }
    text
}

#[derive(Serialize)]
struct Report<'a> {
    complete: bool,
    shards: u32,
    of: u32,
    problems: &'a [String],
    files: usize,
    bytes: u64,
    totals: &'a batch::Totals,
    outputs: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<&'a FileVerdict>,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    bytes: u64,
}

impl<'a> Report<'a> {
    fn new(merged: &'a Merged, outputs: &'a [Output]) -> Self {
        Self {
            complete: merged.problems.is_empty(),
            shards: merged.shards,
            of: merged.of,
            problems: &merged.problems,
            files: merged.files,
            bytes: merged.bytes,
            totals: &merged.totals,
            outputs: outputs
                .iter()
                .map(|file| File { name: &file.name, bytes: file.bytes })
                .collect(),
            drift: None,
        }
    }
}
