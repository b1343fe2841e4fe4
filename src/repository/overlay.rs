//! Files and settings that a request to load brings along, in the form of Triton's model
//! repository extension.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tempfile::TempDir;

use super::settings::{Settings, VersionPolicy};
use super::{Listing, layout};

/// Parameters that hold files begin with this.
const FILE: &str = "file:";

/// What stands before the directory of a model.
#[derive(Debug)]
pub struct Overlay {
    /// Instead of the model's own; removed when this is dropped.
    files: Option<TempDir>,
    configuration: Configuration,
    /// No two overlays are the same, so that each is loaded.
    number: u64,
}

/// Why a request to load cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// The message is for the client.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unwritable(std::io::Error),
}

/// The parts of Triton's model configuration that mean something here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    max_batch_size: Option<usize>,
    #[serde(alias = "versionPolicy")]
    version_policy: Option<Policy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Latest { num_versions: Option<Number> },
    All {},
    Specific { versions: Vec<Number> },
}

/// Protobuf writes numbers of 64 bits as texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Overlay {
    /// Reads the parameters of a request to load: `config`, and `file:<version>/<name>` with
    /// base64. None of them: no overlay.
    ///
    /// # Errors
    /// [`OverlayError`] names the parameter.
    pub fn of(
        parameters: impl Iterator<Item = (String, String)>,
    ) -> Result<Option<Self>, OverlayError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let mut configuration = None;
        let mut files = None;
        for (name, value) in parameters {
            if name == "config" {
                configuration = Some(serde_json::from_str(&value).map_err(|error| {
                    OverlayError::Invalid(format!("parameter 'config': {error}"))
                })?);
            } else if let Some(path) = name.strip_prefix(FILE) {
                let directory = match files.take() {
                    Some(directory) => directory,
                    None => TempDir::new().map_err(OverlayError::Unwritable)?,
                };
                write(directory.path(), path, &value)?;
                files = Some(directory);
            }
        }
        if configuration.is_none() && files.is_none() {
            return Ok(None);
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let configuration: Configuration = configuration.unwrap_or_default();
        configuration.policy().map_err(OverlayError::Invalid)?;
        Ok(Some(Self { files, configuration, number }))
    }

    /// Changes the listing to what this says of a model.
    pub(super) fn put_before(&self, listing: &mut Listing, name: &str) {
        if let Some(files) = &self.files {
            match layout::model(files.path()) {
                Some(model) => listing.models.insert(name.to_owned(), model),
                None => listing.models.remove(name),
            };
        }
        let Some(model) = listing.models.get_mut(name) else { return };
        for files in model.versions.values_mut() {
            files.fingerprint.overlay = self.number;
        }
        if let Ok(settings) = &mut model.settings {
            self.configuration.change(settings);
        }
    }
}

impl Configuration {
    fn policy(&self) -> Result<Option<VersionPolicy>, String> {
        let wrong = || "parameter 'config': version_policy holds no numbers from 1".to_owned();
        let number = |number: &Number| number.value().filter(|n| *n > 0).ok_or_else(wrong);
        Ok(match &self.version_policy {
            None => None,
            Some(Policy::All {}) => Some(VersionPolicy::All),
            Some(Policy::Latest { num_versions }) => {
                let count = num_versions.as_ref().map_or(Ok(1), number)?;
                Some(VersionPolicy::Latest(usize::try_from(count).map_err(|_| wrong())?))
            }
            Some(Policy::Specific { versions }) => {
                let versions = versions.iter().map(number).collect::<Result<BTreeSet<_>, _>>()?;
                Some(VersionPolicy::These(versions))
            }
        })
    }

    fn change(&self, settings: &mut Settings) {
        if let Some(rows) = self.max_batch_size {
            settings.batching.max_rows = rows.max(1);
        }
        // Checked when it came.
        if let Ok(Some(policy)) = self.policy() {
            settings.versions = policy;
        }
    }
}

fn write(directory: &Path, path: &str, base64: &str) -> Result<(), OverlayError> {
    let invalid =
        |reason: String| OverlayError::Invalid(format!("parameter '{FILE}{path}': {reason}"));
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || relative.components().count() != 2 {
        return Err(invalid("expected a version and a file, as in file:1/model.onnx".to_owned()));
    }
    let bytes = STANDARD.decode(base64).map_err(|error| invalid(format!("no base64: {error}")))?;
    let file = directory.join(relative);
    let parent = file.parent().unwrap_or(directory);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(&file, bytes))
        .map_err(OverlayError::Unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parameters: &[(&str, &str)]) -> Result<Option<Overlay>, String> {
        let owned = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Overlay::of(owned).map_err(|error| error.to_string())
    }

    #[test]
    fn files_go_away_with_the_overlay() {
        let overlay = of(&[("file:1/model.onnx", "AAEC")]).unwrap().unwrap();
        let file = overlay.files.as_ref().unwrap().path().join("1/model.onnx");
        assert_eq!(fs::read(&file).unwrap(), [0, 1, 2]);
        drop(overlay);
        assert!(!file.exists());
    }

    #[test]
    fn a_file_that_would_leave_its_directory_is_refused() {
        for path in ["../1/model.onnx", "1/../../x", "/etc/passwd", "model.onnx", "1/a/b"] {
            let error = of(&[(&format!("file:{path}"), "AAEC")]).unwrap_err();
            assert!(error.contains("expected a version and a file"), "{error}");
        }
        let error = of(&[("file:1/model.onnx", "?")]).unwrap_err();
        assert!(error.contains("no base64"), "{error}");
    }

    #[test]
    fn the_configuration_changes_rows_and_versions() {
        let overlay = |text: &str| of(&[("config", text)]).map(Option::unwrap);
        let mut settings = Settings::default();
        let text = r#"{"backend": "onnxruntime", "max_batch_size": 8, "version_policy": {"specific": {"versions": ["1", 3]}}}"#;
        overlay(text).unwrap().configuration.change(&mut settings);
        assert_eq!(settings.batching.max_rows, 8);
        assert_eq!(settings.versions, VersionPolicy::These(BTreeSet::from([1, 3])));
        assert!(overlay(r#"{"max_batch_size": "lots"}"#).is_err());
        assert!(overlay(r#"{"version_policy": {"specific": {"versions": [0]}}}"#).is_err());
        assert!(of(&[]).unwrap().is_none());
    }
}
