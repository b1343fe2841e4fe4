//! Rows of a file, counted in the bins of a profile: one pass, nothing kept.

use std::path::PathBuf;

use clap::ArgMatches;

use super::columns::Columns;
use super::numbers;
use super::side::Found;
use crate::cli::Failure;
use crate::cli::load::{Only, only};
use crate::cli::profile::passes::{Asked, Batch, Pass, Source};
use crate::cli::profile::target::Scores;
use crate::cli::progress::Line;
use crate::drift::{Current, Diff, LEAST_ROWS, NotCompared, Reference, Side, Tally};

/// What the command line says of the data.
pub(super) struct Data {
    asked: Asked,
    /// The model to run over it.
    model: Option<(PathBuf, Option<u64>)>,
}

impl Data {
    pub(super) fn new(file: PathBuf, matches: &ArgMatches) -> Self {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let version = matches.get_one::<u64>("version").copied();
        Self {
            asked: Asked {
                data: file,
                time: None,
                ignored: matches.get_many("ignore").into_iter().flatten().cloned().collect(),
                target: text("target"),
            },
            model: text("model").map(|path| (PathBuf::from(path), version)),
        }
    }

    pub(super) fn compare(mut self, found: Found) -> Result<Diff, Failure> {
        match self.model.take() {
            Some((path, version)) => self.with_model(&found, only(&path, version)?),
            None => self.with_columns(&found),
        }
    }

    fn with_columns(self, found: &Found) -> Result<Diff, Failure> {
        let name = self.asked.data.display().to_string();
        let work = |reason: String| Failure::Work(format!("{name}: {reason}"));
        // Before data is read, so that what is wrong with the profile is not said of the data.
        found.checked(Reference::alone(&found.profile))?;
        let columns = Columns::new(&found.profile, &self.asked.data).map_err(work)?;
        let left = columns.left.into_iter().map(|(name, reason)| NotCompared { name, reason });
        let left: Vec<NotCompared> = left.collect();
        if columns.profile.features.is_empty() {
            let list: Vec<String> = left.iter().map(numbers::not_compared).collect();
            return Err(work(format!("no feature can be compared: {}", list.join(", "))));
        }
        let reference = found.checked(Reference::alone(&columns.profile))?;
        let source = Source::of_columns(&columns.signature, columns.inputs, self.asked);
        let current = count(&source, &reference, None).map_err(work)?;
        let mut diff = Diff::new(found.side(), &reference, None, current);
        diff.not_compared.extend(left);
        Ok(diff)
    }

    fn with_model(self, found: &Found, only: Only) -> Result<Diff, Failure> {
        let (loaded, sha256) = only.load()?;
        let signature = loaded.signature();
        let reference = found.checked(Reference::read(&found.path, &sha256, signature))?;
        let target = found.profile.target.as_ref();
        let scores = Scores::of_profile(target, self.asked.target.clone(), signature)
            .map_err(|reason| Failure::Work(format!("{}: {reason}", found.name)))?;
        let source = Source::new(loaded.as_ref(), self.asked);
        let mut current = count(&source, &reference, scores)
            .map_err(|reason| Failure::Work(format!("{}: {reason}", source.name())))?;
        current.side.sha256 = Some(sha256);
        Ok(Diff::new(found.side(), &reference, target, current))
    }
}

fn count(
    source: &Source,
    reference: &Reference,
    scores: Option<Scores>,
) -> Result<Current, String> {
    let unused = source.unused()?;
    let mut rows = Counted { reference, tally: Tally::new(reference), rows: 0, scores };
    source.read(&mut rows, &mut Line::new("counting"))?;
    if rows.rows < LEAST_ROWS {
        let few = rows.rows;
        return Err(format!("{few} rows are too few to compare, expected at least {LEAST_ROWS}"));
    }
    let side = Side { name: source.name(), rows: rows.rows, sha256: None };
    let mut current = Current::counted(side, rows.tally, unused);
    current.outcomes = rows.scores.map(Scores::finish);
    Ok(current)
}

/// The only pass.
struct Counted<'a> {
    reference: &'a Reference,
    tally: Tally,
    rows: u64,
    scores: Option<Scores>,
}

impl Pass for Counted<'_> {
    fn add(&mut self, batch: &Batch) -> Result<(), String> {
        self.rows += batch.rows as u64;
        self.tally.observe_inputs(self.reference, &batch.inputs);
        self.tally.observe_predictions(self.reference, &batch.outputs);
        self.scores.as_mut().map_or(Ok(()), |scores| scores.add(batch))
    }
}
