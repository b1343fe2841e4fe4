//! `onnxd check`: whether every version would go live, decided by the gate of the server.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use serde::Serialize;

use super::Failure;
use super::load::load;
use crate::engine::tract::{self, TractEngine};
use crate::engine::{LoadedModel, guard};
use crate::gate::{self, Candidate, Outcome};
use crate::repository::{self, Model, Repository, Settings, Version, VersionFiles};

/// One line of the table.
#[derive(Serialize)]
struct Row {
    model: String,
    /// None for what is wrong with the model as a whole.
    version: Option<Version>,
    /// `settings`, `load`, or a check of the gate.
    check: &'static str,
    outcome: Outcome,
    detail: String,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    took: Duration,
}

type Loaded = Arc<dyn LoadedModel>;

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<String>("MODELS").map_or(Path::new("."), Path::new);
    let config = repository::Config::local(path);
    let work = |error: repository::Error| Failure::Work(error.to_string());
    let listing = Repository::open(config).map_err(work)?.list().map_err(work)?;
    let engine = TractEngine::new(tract::Config::default());
    guard::install_hook();
    let mut rows = Vec::new();
    for (name, model) in &listing.models {
        rows.extend(check_model(&engine, name, model));
    }
    if rows.is_empty() {
        return Err(Failure::Work(format!("no models in {}", path.display())));
    }
    if matches.get_flag("json") {
        println!("{}", serde_json::to_string_pretty(&rows).unwrap_or_default());
    } else {
        print!("{}", table(&rows));
    }
    verdict(&rows)
}

fn verdict(rows: &[Row]) -> Result<(), Failure> {
    let all: BTreeSet<_> = rows.iter().map(|row| (&row.model, row.version)).collect();
    let failed = rows.iter().filter(|row| row.outcome == Outcome::Failed);
    let failed: BTreeSet<_> = failed.map(|row| (&row.model, row.version)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Work(format!("{} of {} would not go live", failed.len(), all.len())))
}

fn check_model(engine: &TractEngine, name: &str, model: &Model) -> Vec<Row> {
    let whole = |check: &'static str, detail: String| Row {
        model: name.to_owned(),
        version: None,
        check,
        outcome: Outcome::Failed,
        detail,
        took: Duration::ZERO,
    };
    let settings = match &model.settings {
        Ok(settings) => settings,
        Err(reason) => return vec![whole("settings", reason.clone())],
    };
    let existing: BTreeSet<Version> = model.versions.keys().copied().collect();
    let selected = settings.versions.select(&existing);
    let Some(first) = selected.first() else {
        let found: Vec<String> = existing.iter().map(ToString::to_string).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        return vec![whole("load", format!("no version is selected, found: {found}"))];
    };
    // A server that gets the first of them probably has this one live. It is not checked
    // again: it was when it came.
    let before = model.versions.range(..*first).next_back();
    let mut live =
        before.and_then(|(version, files)| Some((*version, load(engine, files, settings).ok()?.0)));
    let mut rows = Vec::new();
    for (version, files) in model.versions.iter().filter(|(v, _)| selected.contains(v)) {
        let (checked, passed) =
            check_version(engine, name, *version, files, settings, live.as_ref());
        rows.extend(checked);
        if let Some(loaded) = passed {
            live = Some((*version, loaded));
        }
    }
    rows
}

/// The rows, and the version in memory if it would go live.
fn check_version(
    engine: &TractEngine,
    model: &str,
    version: Version,
    files: &VersionFiles,
    settings: &Settings,
    live: Option<&(Version, Loaded)>,
) -> (Vec<Row>, Option<Loaded>) {
    let row = |check, outcome, detail, took| Row {
        model: model.to_owned(),
        version: Some(version),
        check,
        outcome,
        detail,
        took,
    };
    let started = Instant::now();
    let (loaded, sha256) = match load(engine, files, settings) {
        Ok(loaded) => loaded,
        Err(reason) => {
            return (vec![row("load", Outcome::Failed, reason, started.elapsed())], None);
        }
    };
    let strategy = loaded.facts().strategy;
    let mut rows = vec![row("load", Outcome::Passed, strategy, started.elapsed())];
    let report = gate::run(&Candidate {
        model,
        version,
        loaded: loaded.as_ref(),
        files,
        sha256: &sha256,
        settings,
        live: live.map(|(version, loaded)| (*version, loaded.as_ref())),
        cancelled: &|| false,
    });
    let passed = report.failed().is_none();
    rows.extend(
        report
            .checks
            .into_iter()
            .map(|check| row(check.kind.as_str(), check.outcome, check.detail, check.took)),
    );
    (rows, passed.then_some(loaded))
}

/// Columns as wide as their widest value; the details, which may be long, come last.
fn table(rows: &[Row]) -> String {
    let head = ["model", "version", "check", "outcome", "seconds", "detail"].map(str::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| {
        [
            row.model.clone(),
            row.version.map_or_else(|| "-".to_owned(), |version| version.to_string()),
            row.check.to_owned(),
            row.outcome.as_str().to_owned(),
            format!("{:.2}", row.took.as_secs_f64()),
            // A failure of the compiler may tell its causes on lines of their own.
            row.detail.replace('\n', " "),
        ]
    }));
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(value, width)| format!("{value:width$}", width = *width))
            .collect();
        padded.push(line[5].clone());
        text += padded.join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}
