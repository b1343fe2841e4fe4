//! Jobs on disk: a directory for each, with what is known of it and what it has written so far.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use tempfile::TempDir;

use super::record::{self, Record};
use crate::store;

const RECORD: &str = "job.json";
const WORK: &str = "work";
const SCHEDULES: &str = "schedules.json";

#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// Of a server without a directory for its state.
    _temporary: Option<TempDir>,
}

/// Held as long as no other server may touch the jobs.
#[derive(Debug)]
pub(super) struct Hold {
    _file: File,
}

impl Store {
    /// Jobs in this directory, or in one that ends with the process.
    pub(super) fn open(directory: Option<&Path>) -> io::Result<Self> {
        let Some(directory) = directory else {
            let temporary = tempfile::Builder::new().prefix("onnxd-jobs-").tempdir()?;
            let directory = temporary.path().to_owned();
            return Ok(Self { directory, _temporary: Some(temporary) });
        };
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), _temporary: None })
    }

    /// Takes the jobs for this server. `None` while another one has them: during an update the
    /// old server and the new one run side by side.
    pub(super) fn hold(&self) -> io::Result<Option<Hold>> {
        let path = self.directory.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Hold { _file: file })),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All jobs, the oldest first. What cannot be read is left where it is, and the log says so.
    /// What is left of jobs that were being accepted or removed when a process ended goes.
    pub(super) fn load(&self, _hold: &Hold) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let path = entry.path().join(RECORD);
            match fs::read(&path) {
                Ok(bytes) => match serde_json::from_slice::<Record>(&bytes) {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        tracing::warn!(file = %path.display(), error = %error, "a job cannot be read");
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => sweep(&entry),
                // No directory.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
        records.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(records)
    }

    pub(super) fn save(&self, record: &Record) -> io::Result<()> {
        let directory = self.directory.join(&record.id);
        fs::create_dir_all(&directory)?;
        write(&directory, RECORD, record)
    }

    pub(super) fn remove(&self, id: &str) -> io::Result<()> {
        let directory = self.directory.join(id);
        // First, so that half of a job is none: `load` removes the rest.
        let _ = fs::remove_file(directory.join(RECORD));
        fs::remove_dir_all(directory)
    }

    /// Where a job's files lie until they are whole.
    pub(super) fn work(&self, id: &str) -> PathBuf {
        self.directory.join(id).join(WORK)
    }

    /// How far schedules are, as text.
    pub(super) fn schedules(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.directory.join(SCHEDULES)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn save_schedules(&self, state: &impl Serialize) -> io::Result<()> {
        write(&self.directory, SCHEDULES, state)
    }
}

/// Removes a directory that has the name of a job, and no record of one.
fn sweep(entry: &fs::DirEntry) {
    let name = entry.file_name();
    let Some(id) = name.to_str().filter(|name| record::moment(name).is_some()) else { return };
    match fs::remove_dir_all(entry.path()) {
        Ok(()) => tracing::info!(job.id = id, "what was left of a job is removed"),
        Err(error) => {
            tracing::warn!(job.id = id, error = %error, "what a job has left cannot be removed");
        }
    }
}

fn write(directory: &Path, name: &str, document: &impl Serialize) -> io::Result<()> {
    store::replace(&directory.join(name), &serde_json::to_vec_pretty(document)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::record::State;
    use crate::jobs::request::Request;

    fn record(id: &str) -> Record {
        let request = Request::parse(br#"{"model": "m", "input": "a.csv", "output": "b.csv"}"#);
        Record::new(id.to_owned(), request.unwrap(), None)
    }

    #[test]
    fn jobs_are_there_again_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Some(directory.path())).unwrap();
        let hold = store.hold().unwrap().unwrap();
        for id in ["2", "1", "3"] {
            store.save(&record(id)).unwrap();
        }
        store.save(&Record { state: State::Running, attempts: 1, ..record("3") }).unwrap();
        store.remove("2").unwrap();
        let [half, other] = ["0123456789a", "other"].map(|name| directory.path().join(name));
        fs::create_dir_all(half.join(WORK)).unwrap();
        fs::create_dir(&other).unwrap();
        fs::create_dir(directory.path().join("broken")).unwrap();
        fs::write(directory.path().join("broken").join(RECORD), "{").unwrap();
        let found = store.load(&hold).unwrap();
        let found: Vec<_> = found.iter().map(|record| (record.id.as_str(), record.state)).collect();
        assert_eq!(found, [("1", State::Waiting), ("3", State::Running)]);
        assert!(!half.exists() && other.exists());
    }

    #[test]
    fn only_one_server_has_the_jobs_of_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let store = || Store::open(Some(directory.path())).unwrap();
        let held = store().hold().unwrap();
        assert!(held.is_some() && store().hold().unwrap().is_none());
        drop(held);
        assert!(store().hold().unwrap().is_some());
    }
}
