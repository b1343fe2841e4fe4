//! A job whose files are all whole: they only need their names. Whoever gives them these after a
//! crash needs neither the journal nor the inputs, and does not count anything twice.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::journal::Identity;
use super::run::{Outcome, Output, Run};
use super::totals::Totals;
use super::{manifest, output};
use crate::store::{NewNames, Place};

pub(super) const NAME: &str = "finished";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) identity: Identity,
    pub(super) totals: Totals,
    /// Of each output, in the order of the plan.
    pub(super) bytes: Vec<u64>,
}

impl Finished {
    /// Notes it: all of it or nothing, and on the disk.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        // By this name whoever cleans up knows what a crash has left.
        let path = output::path(directory, NAME);
        let mut file = File::create(&path)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(path, directory.join(NAME))?;
        File::open(directory)?.sync_all()
    }

    /// What was noted of this job.
    ///
    /// # Errors
    /// It was another one: how they differ.
    pub(super) fn read(directory: &Path, identity: &Identity) -> Result<Option<Self>, String> {
        let Ok(text) = fs::read(directory.join(NAME)) else { return Ok(None) };
        let Ok(finished) = serde_json::from_slice::<Self>(&text) else { return Ok(None) };
        match identity.difference(&finished.identity) {
            Some(what) => Err(what.to_owned()),
            None => Ok(Some(finished)),
        }
    }

    /// There are no such files any more.
    pub(super) fn forget(directory: &Path) -> io::Result<()> {
        output::remove_file(&directory.join(NAME))
    }

    /// Gives all files the names that they do not have yet.
    pub(super) fn publish(self, run: &Run, rows_before: u64) -> Result<Outcome, Error> {
        run.check(&self.totals)?;
        let directory = &run.directory;
        let path_of_manifest = output::path(directory, manifest::PART);
        let manifest = manifest::name(run.job)
            .map(|name| Place::parse(&name).map(|place| (name, place)))
            .transpose()
            .map_err(Error::Asked)?;
        if let (Some((_, place)), true) = (&manifest, path_of_manifest.exists()) {
            // That of an earlier run would speak of outputs that are replaced now.
            run.stores.delete_found(place)?;
        }
        let mut names = NewNames::default();
        let mut outputs = Vec::with_capacity(run.plan.outputs.len());
        for ((at, target), bytes) in run.plan.outputs.iter().enumerate().zip(self.bytes) {
            let path = output::path(directory, at);
            publish(run, &path, target.place.as_ref(), &target.name, &mut names)?;
            outputs.push(Output { name: target.name.clone(), bytes });
        }
        let rejects = publish_rejects(run, self.totals.bad, &mut names)?;
        names.sync()?;
        if let Some((name, place)) = &manifest {
            // Last, on the disk as well: whoever finds it finds the others.
            let mut names = NewNames::default();
            publish(run, &path_of_manifest, Some(place), name, &mut names)?;
            names.sync()?;
        }
        let manifest = manifest.map(|(name, _)| name);
        Ok(Outcome { totals: self.totals, outputs, rejects, manifest, rows_before })
    }
}

/// Those of an earlier run would accuse rows that are good now.
fn publish_rejects(run: &Run, bad: u64, names: &mut NewNames) -> Result<Option<String>, Error> {
    let name = run.job.rejects_name();
    let place = Place::parse(&name).map_err(Error::Asked)?;
    if bad > 0 {
        let path = output::path(&run.directory, output::REJECTS);
        publish(run, &path, Some(&place), &name, names)?;
        return Ok(Some(name));
    }
    // Beside no output lies what may be somebody else's. And the outputs are there: that something
    // old is, too, must not undo them.
    if !run.plan.writes_standard()
        && let Err(error) = run.stores.delete_found(&place)
    {
        tracing::warn!(file = name, error = %error, "rejects of an earlier run may still be there");
    }
    Ok(None)
}

fn publish(
    run: &Run,
    path: &Path,
    place: Option<&Place>,
    name: &str,
    names: &mut NewNames,
) -> Result<(), Error> {
    let output = |reason: String| Error::Output { file: name.to_owned(), reason };
    let Some(place) = place else {
        return File::open(path)
            .and_then(|mut file| io::copy(&mut file, &mut io::stdout().lock()))
            .map(drop)
            .map_err(|error| output(error.to_string()));
    };
    if path.exists() {
        let published = run.stores.publish_synced(path, place, names);
        return published.map_err(|error| output(error.to_string()));
    }
    // It has its name, if nobody took either away.
    match run.stores.look(place)? {
        Some(_) => Ok(()),
        None => Err(output(format!(
            "it is gone, and so is what it was made of; remove {} to begin anew",
            run.directory.display()
        ))),
    }
}
