//! Counts on disk, so that a restart does not make the server forget what it saw.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::monitor::Memory;
use super::reference::Reference;
use crate::digest::{first, hex};
use crate::store;

/// One file for each version and reference.
pub(super) struct Store {
    directory: PathBuf,
}

impl Store {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// What was saved of a version under this reference. What cannot be read is as good as
    /// absent, and the log says so.
    pub(super) fn load(&self, model: &str, version: u64, reference: &Reference) -> Option<Memory> {
        let path = self.path(model, version, reference);
        let read = || -> Result<Option<Memory>, String> {
            match fs::read(&path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| e.to_string()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.to_string()),
            }
        };
        read().unwrap_or_else(|reason| {
            tracing::warn!(
                model.name = model,
                model.version = version,
                reason,
                "what was counted of drift before is lost"
            );
            None
        })
    }

    /// Replaces what was saved. A disk that is full must not stop the server.
    pub(super) fn save(&self, model: &str, version: u64, reference: &Reference, memory: &Memory) {
        let path = self.path(model, version, reference);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.directory)?;
            store::replace(&path, &serde_json::to_vec(memory)?)
        };
        if let Err(error) = write() {
            tracing::warn!(
                model.name = model,
                model.version = version,
                error = %error,
                "what was counted of drift cannot be saved"
            );
        }
    }

    /// Names of models may be no names of files.
    fn path(&self, model: &str, version: u64, reference: &Reference) -> PathBuf {
        let model = hex(&first::<8>(model));
        self.directory.join(format!("{model}-{version}-{}.json", reference.id))
    }
}
