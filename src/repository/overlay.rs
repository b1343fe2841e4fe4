//! Files and settings that a request to load brings along, in the form of Triton's model
//! repository extension.

use std::fs;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tempfile::TempDir;

use super::triton::labels::LabelFile;
use super::triton::{self, Configuration};
use super::{FileState, Listing, Model, VersionFiles, layout};

/// Parameters that hold files begin with this.
const FILE: &str = "file:";

/// What stands before the directory of a model.
#[derive(Debug)]
pub struct Overlay {
    /// Instead of the model's own; removed when this is dropped.
    files: Option<TempDir>,
    configuration: Box<Configuration>,
    /// No two overlays are the same, so that each is loaded.
    number: u64,
}

/// The value of a parameter: a text, in which files are base64, or a file as it is.
#[derive(Debug, Clone)]
pub enum OverlayValue {
    Text(String),
    Bytes(Bytes),
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

impl Overlay {
    /// Reads the parameters of a request to load: `config`, and `file:<version>/<name>`. None of them: no overlay.
    ///
    /// # Errors
    /// [`OverlayError`] names the parameter.
    pub fn of(
        parameters: impl Iterator<Item = (String, OverlayValue)>,
    ) -> Result<Option<Self>, OverlayError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let mut configuration = None;
        let mut files = None;
        for (name, value) in parameters {
            if name == "config" {
                let invalid = |error| OverlayError::Invalid(format!("parameter 'config': {error}"));
                configuration = Some(Configuration::of_json(value.bytes()).map_err(invalid)?);
            } else if let Some(path) = name.strip_prefix(FILE) {
                let directory = match files.take() {
                    Some(directory) => directory,
                    None => TempDir::new().map_err(OverlayError::Unwritable)?,
                };
                write(directory.path(), path, value)?;
                files = Some(directory);
            }
        }
        if configuration.is_none() && files.is_none() {
            return Ok(None);
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Self { files, configuration: Box::new(configuration.unwrap_or_default()), number }))
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
            if let Err(reason) = self.read_labels(model) {
                model.settings = Err(format!("parameter 'config': {reason}"));
            }
        }
    }

    /// Files with labels lie in the model's directory, and not among the files of a request.
    fn read_labels(&self, model: &mut Model) -> Result<(), String> {
        let files = self.configuration.label_files()?;
        let directory = model.versions.values().next().map(VersionFiles::model_directory);
        let (Some(directory), false) = (directory, files.is_empty()) else { return Ok(()) };
        let directory = directory.to_owned();
        // Other labels are other files of the model.
        for LabelFile { path, .. } in &files {
            let state = FileState::of(&directory.join(path));
            let state = state.map_err(|error| format!("label_filename '{path}': {error}"))?;
            for version in model.versions.values_mut() {
                version.fingerprint.files.extend(state.clone());
            }
        }
        let labels = triton::labels::read(&files, &directory)?;
        if let Ok(settings) = &mut model.settings {
            settings.class_labels = labels;
        }
        Ok(())
    }
}

impl OverlayValue {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

fn write(directory: &Path, path: &str, value: OverlayValue) -> Result<(), OverlayError> {
    let invalid =
        |reason: String| OverlayError::Invalid(format!("parameter '{FILE}{path}': {reason}"));
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || relative.components().count() != 2 {
        return Err(invalid("expected a version and a file, as in file:1/model.onnx".to_owned()));
    }
    let bytes = match value {
        OverlayValue::Bytes(bytes) => bytes,
        OverlayValue::Text(base64) => {
            let decoded = STANDARD.decode(base64);
            decoded.map_err(|error| invalid(format!("no base64: {error}")))?.into()
        }
    };
    let file = directory.join(relative);
    let parent = file.parent().unwrap_or(directory);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(&file, bytes))
        .map_err(OverlayError::Unwritable)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::repository::settings::{Settings, VersionPolicy};

    fn of(parameters: &[(&str, &str)]) -> Result<Option<Overlay>, String> {
        let text = |text: &str| OverlayValue::Text(text.to_owned());
        let owned = parameters.iter().map(|(k, v)| ((*k).to_owned(), text(v)));
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
