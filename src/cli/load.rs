//! Loading one version outside of a server, as several commands do.

use std::path::Path;
use std::sync::Arc;

use super::Failure;
use crate::engine::tract::{self, TractEngine};
use crate::engine::{Engine, LoadedModel, ModelSource, guard};
use crate::repository::{
    self, Model, Repository, Settings, Verification, Version, VersionFiles, verify,
};

/// A model in memory, and the digest of its file.
pub(super) type Loaded = (Arc<dyn LoadedModel>, String);

/// # Errors
/// Why it cannot be loaded.
pub(super) fn load(
    engine: &TractEngine,
    files: &VersionFiles,
    settings: &Settings,
) -> Result<Loaded, String> {
    let source = ModelSource {
        path: files.model_file.clone(),
        known_shapes: files.known_shapes(),
        features: settings.features.clone(),
    };
    let sha256 = verify(files, &Verification::default())?;
    let loaded = guard::catch(|| engine.load(&source))
        .map_err(|caught| format!("loading failed: {}", caught.0))?
        .map_err(|error| error.to_string())?;
    Ok((loaded, sha256))
}

/// One version of the only model of a path.
pub(super) struct Only {
    pub(super) model: String,
    pub(super) version: Version,
    pub(super) files: VersionFiles,
    pub(super) settings: Settings,
}

impl Only {
    /// # Errors
    /// Which version cannot be loaded, and why.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let Self { model, version, files, settings } = self;
        guard::install_hook();
        let engine = TractEngine::new(tract::Config::default());
        load(&engine, files, settings)
            .map_err(|reason| Failure::Work(format!("{model} version {version}: {reason}")))
    }
}

/// The version that is asked for, or the highest one.
pub(super) fn only(path: &Path, version: Option<Version>) -> Result<Only, Failure> {
    let work = |error: repository::Error| Failure::Work(error.to_string());
    let config = repository::Config::local(path);
    let listing = Repository::open(config).map_err(work)?.list().map_err(work)?;
    let mut models = listing.models.into_iter();
    let place = path.display();
    let Some((name, model)) = models.next() else {
        return Err(Failure::Work(format!("no models in {place}")));
    };
    let others: Vec<String> = models.map(|(other, _)| other).collect();
    if !others.is_empty() {
        let message =
            format!("{place} holds several models, name one: {name}, {}", others.join(", "));
        return Err(Failure::Usage(message));
    }
    let settings = model.settings.clone().map_err(|e| Failure::Work(format!("{name}: {e}")))?;
    let (version, files) = pick(&model, version).map_err(Failure::Usage)?;
    Ok(Only { model: name, version, files, settings })
}

fn pick(model: &Model, version: Option<Version>) -> Result<(Version, VersionFiles), String> {
    let found = match version {
        None => model.versions.last_key_value(),
        Some(version) => model.versions.get_key_value(&version),
    };
    let known = || {
        let known: Vec<String> = model.versions.keys().map(ToString::to_string).collect();
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    };
    let found = found.map(|(version, files)| (*version, files.clone()));
    found.ok_or_else(|| match version {
        Some(version) => format!("there is no version {version}, versions are: {}", known()),
        None => "the model has no version".to_owned(),
    })
}
