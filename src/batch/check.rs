//! Files of a job that must not be one and the same.

use std::collections::HashSet;
use std::path::PathBuf;

use super::error::Error;
use super::job::Job;
use super::manifest;
use super::plan::Plan;
use crate::store::Place;

/// # Errors
/// A file is read twice, or would be written twice, or what is read would be replaced.
pub(super) fn check(plan: &Plan, job: &Job) -> Result<(), Error> {
    let mut read = HashSet::with_capacity(plan.files.len());
    if let Some(name) = plan.inputs().find(|name| !read.insert(*name)) {
        return Err(Error::Asked(format!("{name} is an input twice")));
    }
    let rejects = Some(job.rejects_name());
    let others: Vec<String> = rejects.into_iter().chain(manifest::name(job)).collect();
    let others = others.iter().map(|name| Place::parse(name).map_err(Error::Asked));
    let others: Vec<Place> = others.collect::<Result<_, _>>()?;
    let outputs = plan.outputs.iter().filter_map(|target| target.place.as_ref());
    let written: Vec<&Place> = outputs.chain(&others).collect();
    let mut known = HashSet::with_capacity(written.len());
    if let Some(place) = written.iter().find(|place| !known.insert(**place)) {
        let reason = format!("two outputs would both become {place}: predictions and rejects?");
        return Err(Error::Asked(reason));
    }
    replaced(plan, &written)
}

/// Only what is there can be an input.
fn replaced(plan: &Plan, written: &[&Place]) -> Result<(), Error> {
    let there: HashSet<Place> = written.iter().filter_map(|place| resolved(place)).collect();
    if there.is_empty() {
        return Ok(());
    }
    let read = plan.files.iter().filter_map(|file| file.found.as_ref());
    let replaced = |place: &Place| resolved(place).is_some_and(|place| there.contains(&place));
    match read.map(|found| &found.place).find(|place| replaced(place)) {
        Some(place) => Err(Error::Asked(format!("{place} is an input and would be replaced"))),
        None => Ok(()),
    }
}

/// A place whose name leads through no link; `None` of a local file that is not there.
fn resolved(place: &Place) -> Option<Place> {
    match place {
        Place::Local(path) => {
            let path: PathBuf = path.canonicalize().ok()?;
            Some(Place::Local(path))
        }
        Place::Remote(_) => Some(place.clone()),
    }
}
