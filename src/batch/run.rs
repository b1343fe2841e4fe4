//! A job from its beginning, or from where it ended, to its outputs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::columns::{Columns, Mapped, Mapping};
use super::error::Error;
use super::job::Job;
use super::journal::{Entry, Identity, Journal, Trouble};
use super::model::Model;
use super::output::{self, Part};
use super::plan::Plan;
use super::read::{Mark, Source, Tasks};
use super::score::{Scored, Scoring};
use super::totals::Totals;
use super::{manifest, pipeline, rejects, reopen};
use crate::digest;
use crate::store::{NewNames, Place, Stores};
use crate::table::{Encoder, Heading, Kind, Pieces};

/// What was written is on the disk after this time.
const SYNC: Duration = Duration::from_secs(10);

/// A job and all that it needs.
pub struct Run<'a> {
    pub job: &'a Job,
    /// What is read and written for it.
    pub plan: &'a Plan,
    pub model: &'a dyn Model,
    pub stores: &'a Stores,
    /// Threads that score.
    pub threads: usize,
    /// What is on its way lies here.
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

/// The files of a job that are being written.
struct Files<'a> {
    run: &'a Run<'a>,
    identity: Identity,
    encoder: &'a Encoder,
    rejects_encoder: &'a Encoder,
    journal: Journal,
    /// The output that grows.
    current: Option<(usize, Part)>,
    rejects: Option<Part>,
    totals: Totals,
    /// Of each output that was begun.
    rows: Vec<Option<u64>>,
    synced: Instant,
    /// All are whole, and some may have got their names.
    finished: bool,
}

impl Run<'_> {
    /// Does the job.
    ///
    /// # Errors
    /// Why there are no outputs. What was done so far stays, unless nothing was begun.
    pub fn run(&self) -> Result<Outcome, Error> {
        let plan = self.plan;
        let (opened, headings) = self.first()?;
        let columns = Columns::new(self.model.signature(), headings, self.job.on_bad_row);
        let columns = columns.map_err(Error::Asked)?;
        let encoder = Encoder::new(plan.kind, &columns.headings);
        let rejects_encoder = rejects::encoder(self.rejects_kind()?);
        let scoring = Scoring {
            model: self.model,
            columns: &columns,
            on_bad_row: self.job.on_bad_row,
            encoder: &encoder,
            rejects: Some(&rejects_encoder),
        };
        let (mut files, mark) = Files::open(self, &encoder, &rejects_encoder)?;
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
        pipeline::run(&scoring, self.threads, mark.tasks, move || tasks.next(), take)?;
        files.finish(before)
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

    fn failed(&self, error: io::Error) -> Error {
        Error::Output { file: self.job.output.clone(), reason: error.to_string() }
    }
}

impl<'a> Files<'a> {
    /// The files as they are, and where to go on.
    fn open(
        run: &'a Run<'a>,
        encoder: &'a Encoder,
        rejects_encoder: &'a Encoder,
    ) -> Result<(Self, Mark), Error> {
        let failed = |error| run.failed(error);
        let directory = &run.directory;
        let identity = run.identity()?;
        let (mut journal, mut entries) =
            Journal::open(directory, &identity, run.resume).map_err(|trouble| match trouble {
                Trouble::Io(error) => failed(error),
                Trouble::Busy => Error::Asked(format!(
                    "{} is being written by another process",
                    directory.display()
                )),
                Trouble::Other(what) => {
                    Error::Changed { directory: directory.display().to_string(), what }
                }
            })?;
        let known = entries.len();
        let finished = run.resume && directory.join(output::FINISHED).exists();
        let parts = if finished {
            (None, None)
        } else {
            let _ = fs::remove_file(directory.join(output::FINISHED));
            reopen::reopen(directory, encoder, rejects_encoder, &mut entries).map_err(failed)?
        };
        if entries.len() < known {
            let kept = journal.keep(&identity, &entries);
            kept.map_err(|_| failed(io::Error::other("the journal cannot be written")))?;
        }
        let (current, rejects) = parts;
        let rows = reopen::rows_of(run.plan.outputs.len(), &entries);
        let last = entries.pop();
        let mark = last.as_ref().map_or_else(Mark::default, |entry| entry.after);
        let totals = last.map_or_else(Totals::default, |entry| entry.totals);
        let synced = Instant::now();
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
            finished,
        };
        Ok((files, mark))
    }

    fn add(&mut self, scored: Scored) -> Result<(), Error> {
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
        self.totals.add(&totals);
        *self.rows[output].get_or_insert(0) += totals.written;
        let totals = self.totals.clone();
        self.journal.add(&Entry { after, output, segment, rejects, totals })?;
        if self.synced.elapsed() >= SYNC {
            self.synced = Instant::now();
            self.current.as_ref().map_or(Ok(()), |(_, part)| part.sync())?;
            self.rejects.as_ref().map_or(Ok(()), Part::sync)?;
            self.journal.sync()?;
        }
        Ok(())
    }

    fn end_current(&mut self) -> io::Result<()> {
        self.current.take().map_or(Ok(()), |(_, part)| part.finish(self.encoder))
    }

    /// Ends all files and gives them their names.
    fn finish(mut self, rows_before: u64) -> Result<Outcome, Error> {
        let failed = |error| self.run.failed(error);
        let directory = &self.run.directory;
        if let Some(limit) = self.run.job.max_bad_rows
            && limit.is_passed(self.totals.bad, self.totals.rows)
        {
            let (bad, rows) = (self.totals.bad, self.totals.rows);
            return Err(Error::TooManyBad { bad, rows, limit: limit.to_string() });
        }
        if !self.finished {
            self.complete().map_err(failed)?;
        }
        let path_of_manifest = output::path(directory, manifest::PART);
        let manifest = manifest::name(self.run.job)
            .map(|name| Place::parse(&name).map(|place| (name, place)))
            .transpose()
            .map_err(Error::Asked)?;
        if let (Some((_, place)), true) = (&manifest, path_of_manifest.exists()) {
            // That of an earlier run would speak of outputs that are replaced now.
            self.run.stores.delete(place)?;
        }
        let mut names = NewNames::default();
        let mut outputs = Vec::with_capacity(self.run.plan.outputs.len());
        for (at, target) in self.run.plan.outputs.iter().enumerate() {
            let path = output::path(directory, at);
            let bytes = fs::metadata(&path).map_or(0, |file| file.len());
            self.publish(&path, target.place.as_ref(), &target.name, &mut names)?;
            outputs.push(Output { name: target.name.clone(), bytes });
        }
        let path = output::path(directory, output::REJECTS);
        let name = self.run.job.rejects_name();
        let place = Place::parse(&name).map_err(Error::Asked)?;
        let rejects = (self.totals.bad > 0).then_some(name);
        if let Some(name) = &rejects {
            self.publish(&path, Some(&place), name, &mut names)?;
        }
        names.sync()?;
        if let (Some((name, place)), true) = (&manifest, path_of_manifest.exists()) {
            // Last, on the disk as well: whoever finds it finds the others.
            let mut names = NewNames::default();
            self.publish(&path_of_manifest, Some(place), name, &mut names)?;
            names.sync()?;
        }
        output::remove(directory).map_err(failed)?;
        let manifest = manifest.map(|(name, _)| name);
        Ok(Outcome { totals: self.totals, outputs, rejects, manifest, rows_before })
    }

    /// Ends all files.
    fn complete(&mut self) -> io::Result<()> {
        self.end_current()?;
        self.rejects.take().map_or(Ok(()), |part| part.finish(self.rejects_encoder))?;
        let directory = &self.run.directory;
        for (at, rows) in self.rows.iter().enumerate() {
            let path = output::path(directory, at);
            if rows.is_none() {
                // Of a file without rows. What lies there is of a run that ended just then.
                Part::create(&path, self.encoder)?.finish(self.encoder)?;
            } else if !path.exists() {
                let lost = format!("{} is gone, remove all of it to begin anew", path.display());
                return Err(io::Error::other(lost));
            }
        }
        self.describe()?;
        let outputs = (0..self.rows.len()).map(|at| output::path(directory, at));
        let others = [output::REJECTS, manifest::PART].map(|name| output::path(directory, name));
        output::sync(directory, outputs.chain(others).collect::<Vec<_>>().into_iter())?;
        // Who finds no mark after a crash looks at the files anew.
        fs::File::create(directory.join(output::FINISHED)).map(drop)
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

    fn publish(
        &self,
        path: &Path,
        place: Option<&Place>,
        name: &str,
        names: &mut NewNames,
    ) -> Result<(), Error> {
        let output = |reason: String| Error::Output { file: name.to_owned(), reason };
        if !path.exists() {
            return Ok(());
        }
        match place {
            Some(place) => {
                let published = self.run.stores.publish_synced(path, place, names);
                published.map_err(|error| output(error.to_string()))
            }
            None => fs::File::open(path)
                .and_then(|mut file| io::copy(&mut file, &mut io::stdout().lock()))
                .map(drop)
                .map_err(|error| output(error.to_string())),
        }
    }
}
