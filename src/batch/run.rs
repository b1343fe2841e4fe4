//! A job from its beginning, or from where it ended, to its outputs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::columns::{Columns, Mapped, Mapping};
use super::error::Error;
use super::files::Files;
use super::finished::Finished;
use super::job::Job;
use super::journal::{Entry, Identity, Journal, Trouble};
use super::model::Model;
use super::output;
use super::pipeline;
use super::plan::Plan;
use super::read::{Mark, Source, Tasks};
use super::rejects;
use super::score::{Scored, Scoring};
use super::totals::Totals;
use crate::digest;
use crate::store::Stores;
use crate::table::{Encoder, Heading, Kind, Pieces};

/// A job and all that it needs.
pub struct Run<'a> {
    pub job: &'a Job,
    /// What is read and written for it.
    pub plan: &'a Plan,
    pub model: &'a dyn Model,
    pub stores: &'a Stores,
    /// Threads that score.
    pub threads: usize,
    /// What is on its way lies here, and what it came to until [`super::remove`].
    pub directory: PathBuf,
    /// Goes on where an earlier run of the same job ended.
    pub resume: bool,
    pub watcher: &'a dyn Watcher,
}

/// Who wants to know how far it is.
pub trait Watcher: Sync {
    /// What became of the columns of the first file.
    fn mapped(&self, _mapped: &Mapped) {}

    /// Rows that an earlier run has done.
    fn resumed(&self, _rows: u64) {}

    fn at(&self, _progress: &Progress) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub rows: u64,
    pub bad: u64,
    /// The part of the files that was read, where their size is known.
    pub fraction: Option<f64>,
}

/// A job that is done.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub totals: Totals,
    pub outputs: Vec<Output>,
    /// Where it is said what is wrong with bad rows, if there are any.
    pub rejects: Option<String>,
    /// Of a shard.
    pub manifest: Option<String>,
    pub rows_before: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub bytes: u64,
}

impl Run<'_> {
    /// Does the job.
    ///
    /// # Errors
    /// Why there are no outputs. What was done so far stays, unless nothing was begun.
    pub fn run(&self) -> Result<Outcome, Error> {
        let identity = self.identity()?;
        // Before anything is read: what is finished needs its inputs no more.
        let held = if self.resume && self.directory.exists() {
            let held = self.journal(&identity)?;
            if let Some(finished) =
                Finished::read(&self.directory, &identity).map_err(|what| self.changed(what))?
            {
                self.watcher.resumed(finished.totals.rows);
                let before = finished.totals.rows;
                return finished.publish(self, before);
            }
            if !held.1.is_empty() && self.plan.reads_standard() {
                let reason = "the standard input cannot be gone on with: it is read only once";
                return Err(Error::Asked(reason.to_owned()));
            }
            Some(held)
        } else {
            None
        };
        let first = self.first().inspect_err(|_| {
            if held.as_ref().is_some_and(|(_, entries)| entries.is_empty()) {
                let _ = output::remove(&self.directory);
            }
        })?;
        let held = held.map_or_else(|| self.journal(&identity), Ok)?;
        self.go_on(identity, held, first)
    }

    fn go_on(
        &self,
        identity: Identity,
        held: (Journal, Vec<Entry>),
        (opened, headings): (Option<Pieces>, Vec<Heading>),
    ) -> Result<Outcome, Error> {
        let plan = self.plan;
        let columns = Columns::new(self.model.signature(), headings, self.job.on_bad_row);
        let columns = columns.map_err(Error::Asked)?;
        let encoder = Encoder::new(plan.kind, &columns.headings);
        let rejects_encoder = rejects::encoder(self.rejects_kind()?);
        let scoring = Scoring {
            model: self.model,
            rows_at_once: held.0.rows_at_once,
            columns: &columns,
            on_bad_row: self.job.on_bad_row,
            encoder: &encoder,
            rejects: Some(&rejects_encoder),
        };
        let (mut files, mark) = Files::open(self, identity, held, &encoder, &rejects_encoder)?;
        let before = files.totals.rows;
        self.watcher.resumed(before);
        let source = Source {
            plan,
            stores: self.stores,
            signature: self.model.signature(),
            keep: &self.job.keep,
            kept: &columns.kept,
        };
        let opened = opened.filter(|_| mark == Mark::default());
        let mut tasks = Tasks::new(source, mark, opened)?;
        let bytes = plan.bytes();
        let take = |scored: Result<Scored, Error>| {
            let scored = scored?;
            if self.watcher.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let read = scored.read;
            files.add(scored)?;
            #[expect(clippy::cast_precision_loss, reason = "bars are coarse")]
            let fraction = (bytes > 0).then(|| read as f64 / bytes as f64);
            let Totals { rows, bad, .. } = files.totals;
            self.watcher.at(&Progress { rows, bad, fraction });
            Ok(())
        };
        pipeline::run(&scoring, self.threads, mark.tasks, move |give| tasks.next(give), take)?;
        self.check(&files.totals)?;
        let (finished, journal) = files.complete()?;
        self.model.done(&finished.totals);
        let outcome = finished.publish(self, before);
        // Nobody else may write here until now.
        drop(journal);
        outcome
    }

    /// Whether so many bad rows may be published.
    pub(super) fn check(&self, totals: &Totals) -> Result<(), Error> {
        match self.job.max_bad_rows {
            Some(limit) if limit.is_passed(totals.bad, totals.rows) => {
                let (bad, rows, limit) = (totals.bad, totals.rows, limit.to_string());
                Err(Error::TooManyBad { bad, rows, limit })
            }
            _ => Ok(()),
        }
    }

    fn journal(&self, identity: &Identity) -> Result<(Journal, Vec<Entry>), Error> {
        let (directory, rows_at_once) = (&self.directory, self.model.rows_at_once());
        Journal::open(directory, identity, rows_at_once, self.resume).map_err(|trouble| {
            match trouble {
                Trouble::Io(error) => self.failed(error),
                Trouble::Busy => Error::Busy { directory: directory.display().to_string() },
                Trouble::Other(what) => self.changed(what),
            }
        })
    }

    fn changed(&self, what: String) -> Error {
        Error::Changed { directory: self.directory.display().to_string(), what }
    }

    /// The first part of all, and the columns of it that are kept.
    fn first(&self) -> Result<(Option<Pieces>, Vec<Heading>), Error> {
        let plan = self.plan;
        let Some(first) = plan.first() else { return Ok((None, Vec::new())) };
        let pieces = plan.open(&first, self.stores)?;
        let file = plan.files[first.file].name.clone();
        let mapping = Mapping::new(self.model.signature(), &pieces, &self.job.keep);
        let mapping = mapping.map_err(|reason| Error::Input { file, reason })?;
        self.watcher.mapped(&mapping.mapped(pieces.columns()));
        let headings = mapping.headings(&pieces);
        Ok(((!plan.parts.is_empty()).then_some(pieces), headings))
    }

    fn rejects_kind(&self) -> Result<Kind, Error> {
        let kind = Kind::of_name(&self.job.rejects_name());
        kind.map_err(|reason| Error::Asked(format!("rejects: {reason}")))
    }

    fn identity(&self) -> Result<Identity, Error> {
        let mut job = serde_json::to_value(self.job).map_err(|e| Error::Internal(e.to_string()))?;
        if let Some(job) = job.as_object_mut() {
            // They judge what was done, and change nothing of it.
            job.remove("max_bad_rows");
            job.remove("fail_on_drift");
        }
        let mut inputs = digest::Stream::default();
        for file in &self.plan.files {
            let found = file.found.as_ref();
            let identity = found.map(|found| (found.bytes, found.identity.as_str()));
            inputs.update(format!("{}\0{identity:?}\0", file.name).as_bytes());
        }
        Ok(Identity::new(self.model, job, inputs.hex()))
    }

    pub(super) fn failed(&self, error: std::io::Error) -> Error {
        Error::Output { file: self.job.output.clone(), reason: error.to_string() }
    }
}
