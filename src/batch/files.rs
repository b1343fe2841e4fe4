//! The files of a job that are being written, and the journal that says so.

use std::io;
use std::time::{Duration, Instant};

use super::error::Error;
use super::finished::Finished;
use super::journal::{Entry, Identity, Journal};
use super::output::{self, Part};
use super::read::Mark;
use super::run::Run;
use super::score::Scored;
use super::totals::Totals;
use super::{manifest, reopen};
use crate::table::Encoder;

/// What was written is on the disk after this time.
const SYNC: Duration = Duration::from_secs(10);

/// Totals take kilobytes. Small tasks share them: so many rows, or so many tasks.
const SMALL: u64 = 1_000;
const LINES: u32 = 1_000;

pub(super) struct Files<'a> {
    run: &'a Run<'a>,
    identity: Identity,
    encoder: &'a Encoder,
    rejects_encoder: &'a Encoder,
    journal: Journal,
    /// The output that grows.
    current: Option<(usize, Part)>,
    rejects: Option<Part>,
    pub(super) totals: Totals,
    /// Of each output that was begun.
    rows: Vec<Option<u64>>,
    synced: Instant,
    /// Rows and tasks since the last totals in the journal.
    since: (u64, u32),
}

impl<'a> Files<'a> {
    /// The files as they are, and where to go on.
    pub(super) fn open(
        run: &'a Run<'a>,
        identity: Identity,
        (mut journal, mut entries): (Journal, Vec<Entry>),
        encoder: &'a Encoder,
        rejects_encoder: &'a Encoder,
    ) -> Result<(Self, Mark), Error> {
        let failed = |error| run.failed(error);
        let directory = &run.directory;
        Finished::forget(directory).map_err(failed)?;
        let known = entries.len();
        let (current, rejects) =
            reopen::reopen(directory, encoder, rejects_encoder, &mut entries).map_err(failed)?;
        if entries.len() < known {
            journal.keep(&identity, &entries).map_err(failed)?;
        }
        let rows = reopen::rows_of(run.plan.outputs.len(), &entries);
        let last = entries.pop();
        let mark = last.as_ref().map_or_else(Mark::default, |entry| entry.after);
        let totals = last.and_then(|entry| entry.totals).unwrap_or_default();
        let (synced, since) = (Instant::now(), (0, 0));
        let files = Self {
            run,
            identity,
            encoder,
            rejects_encoder,
            journal,
            current,
            rejects,
            totals,
            rows,
            synced,
            since,
        };
        Ok((files, mark))
    }

    pub(super) fn add(&mut self, scored: Scored) -> Result<(), Error> {
        self.write(scored).map_err(|error| self.run.failed(error))
    }

    fn write(&mut self, scored: Scored) -> io::Result<()> {
        let Scored { output, segment, rejects, totals, after, .. } = scored;
        let directory = &self.run.directory;
        if self.current.as_ref().is_none_or(|(current, _)| *current != output) {
            self.end_current()?;
            let part = Part::create(&output::path(directory, output), self.encoder)?;
            self.current = Some((output, part));
        }
        let Some((_, part)) = &mut self.current else { return Ok(()) };
        let segment = part.append(segment)?;
        let rejects = match rejects {
            None => None,
            Some(rejects) => {
                if self.rejects.is_none() {
                    let path = output::path(directory, output::REJECTS);
                    self.rejects = Some(Part::create(&path, self.rejects_encoder)?);
                }
                self.rejects.as_mut().map(|part| part.append(rejects)).transpose()?
            }
        };
        let written = totals.written;
        *self.rows[output].get_or_insert(0) += written;
        let totals = self.sum(&totals);
        self.journal.add(&Entry { after, output, segment, rejects, written, totals })?;
        if self.synced.elapsed() >= SYNC {
            self.synced = Instant::now();
            self.current.as_ref().map_or(Ok(()), |(_, part)| part.sync())?;
            self.rejects.as_ref().map_or(Ok(()), Part::sync)?;
            self.journal.sync()?;
        }
        Ok(())
    }

    /// Adds what a task did; all of it together, if it is time to note that.
    fn sum(&mut self, more: &Totals) -> Option<Totals> {
        self.totals.add(more);
        let (rows, lines) = self.since;
        self.since = (rows + more.rows, lines + 1);
        let is_time = self.since.0 >= SMALL || self.since.1 >= LINES;
        is_time.then(|| {
            self.since = (0, 0);
            self.totals.clone()
        })
    }

    fn end_current(&mut self) -> io::Result<()> {
        self.current.take().map_or(Ok(()), |(_, part)| part.finish(self.encoder))
    }

    /// Ends all files. The journal is held for whoever gives them their names.
    pub(super) fn complete(mut self) -> Result<(Finished, Journal), Error> {
        let run = self.run;
        let finished = self.end().map_err(|error| run.failed(error))?;
        Ok((finished, self.journal))
    }

    fn end(&mut self) -> io::Result<Finished> {
        self.end_current()?;
        self.rejects.take().map_or(Ok(()), |part| part.finish(self.rejects_encoder))?;
        let directory = &self.run.directory;
        let mut bytes = Vec::with_capacity(self.rows.len());
        for (at, rows) in self.rows.iter().enumerate() {
            let path = output::path(directory, at);
            if rows.is_none() {
                // Of a file without rows. What lies there is of a run that ended just then.
                Part::create(&path, self.encoder)?.finish(self.encoder)?;
            }
            let file = std::fs::metadata(&path).map_err(|error| {
                let path = path.display();
                io::Error::other(format!("{path}: {error}, remove all of it to begin anew"))
            })?;
            bytes.push(file.len());
        }
        self.describe()?;
        let outputs = (0..self.rows.len()).map(|at| output::path(directory, at));
        let others = [output::REJECTS, manifest::PART].map(|name| output::path(directory, name));
        let all: Vec<_> = outputs.chain(others).collect();
        output::sync(directory, all)?;
        let (identity, totals) = (self.identity.clone(), std::mem::take(&mut self.totals));
        let finished = Finished { identity, totals, bytes };
        finished.write(directory)?;
        Ok(finished)
    }

    /// Writes the manifest, if this is a shard.
    fn describe(&self) -> io::Result<()> {
        let Some(shard) = self.run.job.shard else { return Ok(()) };
        let name = self.run.job.rejects_name();
        manifest::Done {
            job: self.run.job,
            plan: self.run.plan,
            identity: self.identity.clone(),
            directory: &self.run.directory,
            encoder: self.encoder,
            rows: &self.rows,
            rejects: (self.totals.bad > 0).then_some((name.as_str(), self.rejects_encoder)),
            totals: &self.totals,
        }
        .write(shard)
    }
}
