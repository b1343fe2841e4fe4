//! What a path of the command line is, and the profile that it leads to.

use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::load::{Only, only};
use crate::cli::profile::rules::profile_of;
use crate::drift::{Profile, ReferenceError, Side};
use crate::repository::{Verification, verify};

/// What a path is, as its name says.
pub(super) enum Place {
    /// A profile, or a directory that has one.
    Profile(PathBuf),
    Data(PathBuf),
}

impl Place {
    pub(super) fn of(path: &Path) -> Self {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if extension == "json" || extension == "onnx" || path.is_dir() {
            return Self::Profile(path.to_owned());
        }
        Self::Data(path.to_owned())
    }
}

/// A profile and where it was found.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) profile: Profile,
}

impl Found {
    /// Of a model, the profile beside it, which must be of this very model.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let is_profile = path.extension().is_some_and(|of| of.eq_ignore_ascii_case("json"));
        if is_profile && !path.is_dir() {
            return Self::file(path.to_owned());
        }
        let Only { files, settings, model, version } = only(path, None)?;
        let found = Self::file(profile_of(&files, &settings.drift)?)?;
        let sha256 = verify(&files, &Verification::default())
            .map_err(|reason| Failure::Work(format!("{model} version {version}: {reason}")))?;
        let digest = found.profile.sha256.clone();
        let same = if digest == sha256 {
            Ok(())
        } else {
            Err(ReferenceError::OtherModel { found: digest, expected: sha256 })
        };
        found.checked(same)?;
        Ok(found)
    }

    fn file(path: PathBuf) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let profile =
            Profile::read(&path).map_err(|error| Failure::Work(format!("{name}: {error}")))?;
        Ok(Self { name, path, profile })
    }

    pub(super) fn side(&self) -> Side {
        let sha256 = Some(self.profile.sha256.clone());
        Side { name: self.name.clone(), rows: self.profile.rows, sha256 }
    }

    /// Says of which profile something is wrong.
    pub(super) fn checked<T>(&self, result: Result<T, ReferenceError>) -> Result<T, Failure> {
        result.map_err(|error| Failure::Work(format!("{}: {error}", self.name)))
    }
}
