//! Which contract is that of a version: of several files that may hold one, the first that does.

use std::fs;
use std::path::{Path, PathBuf};

use super::layout::SETTINGS_FILE;
use super::{Settings, VersionFiles};
use crate::contract::{CONTRACT_FILE, Document, SUGGESTED_FILE};
use crate::drift;

/// A contract and the file that it is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub document: Document,
    pub file: PathBuf,
    pub place: Place,
    /// Another one that is not in force because of it, and that somebody may think is.
    pub hidden: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `contract.toml` beside the model file; goes before that of the model.
    Version,
    /// `contract.toml` in the model's directory.
    Model,
    /// `[contract]` of `model.toml`.
    Settings,
    /// Made by `onnxd profile`; only observes, where there is no other.
    Suggested,
}

impl VersionFiles {
    /// The contract of this version; these are the settings of its model.
    ///
    /// # Errors
    /// The file that cannot be read, and what is wrong with it.
    pub fn contract(&self, settings: &Settings) -> Result<Option<Found>, String> {
        let of_model = settings.contract.clone().map(|document| self.of_model(document, settings));
        if let Some(file) = self.file(CONTRACT_FILE)
            // There it was read with the settings.
            && file.parent() != Some(self.model_directory())
        {
            if settings.contract_in_settings {
                return Err(format!(
                    "there are two: [contract] in {SETTINGS_FILE} and {CONTRACT_FILE} of the version; keep one"
                ));
            }
            let document = read(&file, CONTRACT_FILE)?;
            let hidden = of_model.map(|found| found.file);
            return Ok(Some(Found { document, file, place: Place::Version, hidden }));
        }
        let Some(file) = self.file(SUGGESTED_FILE).filter(|_| of_model.is_none()) else {
            return Ok(of_model);
        };
        let document = read(&file, SUGGESTED_FILE)?.observing();
        Ok(Some(Found { document, file, place: Place::Suggested, hidden: None }))
    }

    /// The reference profile of this version, if it is there.
    #[must_use]
    pub fn profile(&self, drift: &drift::Settings) -> Option<PathBuf> {
        self.file(drift.profile().to_str()?)
    }

    fn of_model(&self, document: Document, settings: &Settings) -> Found {
        let (name, place) = if settings.contract_in_settings {
            (SETTINGS_FILE, Place::Settings)
        } else {
            (CONTRACT_FILE, Place::Model)
        };
        let file = self.model_directory().join(name);
        Found { document, file, place, hidden: None }
    }
}

fn read(file: &Path, name: &str) -> Result<Document, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    Settings::parse_contract(&text).map_err(|error| format!("{name}: {error}"))
}
