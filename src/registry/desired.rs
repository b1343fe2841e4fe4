//! What operators asked for at run time, on top of what the repository says, kept across
//! restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::routing::Routing;
use crate::repository::Version;

const FILE: &str = "registry.json";

/// Versions that served before the one that serves; more are not remembered.
const HISTORY: usize = 8;

/// What is asked for, by model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Desired {
    models: BTreeMap<String, ModelDesired>,
    /// With control by request: the models to serve.
    pub(super) loaded: BTreeSet<String>,
    /// Models that left memory because nobody asked for them. Not kept: a restart starts
    /// afresh.
    #[serde(skip)]
    pub(super) dormant: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ModelDesired {
    /// Instead of that in `model.toml`.
    pub(super) routing: Option<Routing>,
    /// Versions that were taken back: digest of the files, and why.
    pub(super) held: BTreeMap<Version, Held>,
    /// Versions that served, the latest last.
    pub(super) served: Vec<Version>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) files: String,
    pub(super) reason: String,
}

impl Desired {
    pub(super) fn of(&self, model: &str) -> Option<&ModelDesired> {
        self.models.get(model)
    }

    pub(super) fn edit(&mut self, model: &str) -> &mut ModelDesired {
        self.models.entry(model.to_owned()).or_default()
    }
}

impl ModelDesired {
    /// Why these files of the version are not to serve.
    pub(super) fn held(&self, version: Version, files: &str) -> Option<&str> {
        let held = self.held.get(&version).filter(|held| held.files == files)?;
        Some(&held.reason)
    }

    pub(super) fn serves(&mut self, version: Version) {
        if self.served.last() == Some(&version) {
            return;
        }
        self.served.retain(|&old| old != version);
        self.served.push(version);
        let surplus = self.served.len().saturating_sub(HISTORY);
        self.served.drain(..surplus);
    }

    /// The version that proved itself last.
    pub(super) fn last_good(&self) -> Option<Version> {
        self.served.last().copied()
    }
}

/// The file in the state directory.
#[derive(Debug)]
pub(super) struct Store {
    file: Option<PathBuf>,
    written: Desired,
}

impl Store {
    /// Reads what was kept. Without a directory nothing is.
    ///
    /// # Errors
    /// If the directory cannot be made or the file not be read: a server that forgot a
    /// rollback would serve what was taken back.
    pub(super) fn open(directory: Option<&Path>) -> Result<(Self, Desired), String> {
        let Some(directory) = directory else {
            return Ok((Self { file: None, written: Desired::default() }, Desired::default()));
        };
        let named = |error: &dyn std::fmt::Display| {
            format!("cannot use the state directory {}: {error}", directory.display())
        };
        fs::create_dir_all(directory).map_err(|error| named(&error))?;
        let file = directory.join(FILE);
        let desired: Desired = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                named(&format!("{FILE} is damaged ({error}); remove it to start afresh"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Desired::default(),
            Err(error) => return Err(named(&error)),
        };
        Ok((Self { file: Some(file), written: desired.clone() }, desired))
    }

    /// Whether changes outlive the process.
    pub(super) fn keeps(&self) -> bool {
        self.file.is_some()
    }

    /// Writes what changed since the last time.
    ///
    /// # Errors
    /// If the file cannot be written; it is then as it was before.
    pub(super) fn write(&mut self, desired: &Desired) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        if self.written == *desired {
            return Ok(());
        }
        replace(file, desired)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        self.written = desired.clone();
        Ok(())
    }
}

/// A process that ends in between leaves the old file or the new one, never half of one.
fn replace(file: &Path, desired: &Desired) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut writer = File::create(&new)?;
    writer.write_all(&serde_json::to_vec_pretty(desired)?)?;
    writer.sync_all()?;
    fs::rename(&new, file)?;
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_outlives_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, mut desired) = Store::open(Some(directory.path())).unwrap();
        desired.edit("m").serves(3);
        let held = Held { files: "abc".to_owned(), reason: "slow".to_owned() };
        desired.edit("m").held.insert(4, held);
        store.write(&desired).unwrap();
        let (_, read) = Store::open(Some(directory.path())).unwrap();
        assert_eq!(read, desired);
        let m = read.of("m").unwrap();
        assert_eq!((m.held(4, "abc"), m.held(4, "other")), (Some("slow"), None));
    }

    #[test]
    fn a_damaged_file_is_named_and_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "{").unwrap();
        let error = Store::open(Some(directory.path())).unwrap_err();
        assert!(error.contains("registry.json is damaged"), "{error}");
    }

    #[test]
    fn versions_that_served_are_remembered_once_and_the_oldest_forgotten() {
        let mut model = ModelDesired::default();
        for version in [1, 2, 1, 3] {
            model.serves(version);
        }
        assert_eq!(model.served, [2, 1, 3]);
        for version in 4..40 {
            model.serves(version);
        }
        assert_eq!((model.served.len(), model.last_good()), (HISTORY, Some(39)));
    }
}
