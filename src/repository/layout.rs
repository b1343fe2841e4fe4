//! How models lie in a directory.
//!
//! | the path is | it holds |
//! |---|---|
//! | a file `x.onnx` | one model, version 1 |
//! | a directory with `model.onnx`, or with exactly one `.onnx` file and no model directories | one model, version 1 |
//! | a directory with `<version>/model.onnx`, or with numbered sub-directories only | one model with versions |
//! | any other directory | a repository: `<model>/<version>/model.onnx`, and `<model>.onnx` files |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use super::sums;
use super::triton;
use super::{Error, FileState, Fingerprint, Listing, Model, Version, VersionFiles};
use crate::contract::CONTRACT_FILE;
use crate::drift::PROFILE_FILE;

const MODEL_FILE: &str = "model.onnx";
pub(super) const SETTINGS_FILE: &str = "model.toml";
const GOLDEN_FILE: &str = "golden.json";
const SUMS_SIGNATURE_FILE: &str = "SHA256SUMS.minisig";

/// Files of one version that are looked at; a directory with more is no model version.
const MAX_FILES: usize = 1000;

/// Directories within directories of one version.
const MAX_DEPTH: usize = 8;

/// What kind of path holds the models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// One `.onnx` file, alone or in its directory.
    SingleFile(PathBuf),
    /// The directory of one model with numbered versions.
    SingleModel,
    Repository,
}

impl Layout {
    /// # Errors
    /// [`Error::Unreadable`] if the path does not exist or may not be read.
    pub(super) fn of(root: &Path) -> Result<Self, Error> {
        let unreadable = |reason| Error::Unreadable { path: root.to_owned(), reason };
        if fs::metadata(root).map_err(unreadable)?.is_file() {
            return Ok(Self::SingleFile(root.to_owned()));
        }
        let entries = entries(root).map_err(unreadable)?;
        let mut onnx_files = entries.iter().filter(|entry| !entry.is_dir && is_onnx(&entry.path));
        let onnx_file = onnx_files.next();
        let only_one = onnx_files.next().is_none();
        let model_file = root.join(MODEL_FILE);
        if model_file.is_file() {
            return Ok(Self::SingleFile(model_file));
        }
        let directories: Vec<&Entry> = entries.iter().filter(|entry| entry.is_dir).collect();
        let any_directory = !directories.is_empty();
        let is_version = |entry: &&Entry| version_of(&entry.name).is_some();
        let holds_model = |entry: &&Entry| entry.path.join(MODEL_FILE).is_file();
        let any_version = directories.iter().any(|entry| is_version(entry) && holds_model(entry));
        // While a first version is being copied, its directory is there without the file.
        if any_version || (any_directory && directories.iter().all(is_version)) {
            return Ok(Self::SingleModel);
        }
        match onnx_file {
            Some(file) if only_one && !any_directory => Ok(Self::SingleFile(file.path.clone())),
            _ => Ok(Self::Repository),
        }
    }
}

struct Entry {
    name: String,
    path: PathBuf,
    is_dir: bool,
}

/// Entries that are not hidden, by name. Links are followed: mounts of Kubernetes are links.
fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') || name == "lost+found" {
            continue;
        }
        // A dangling link, or an entry that just vanished, is not there.
        let Some(metadata) = present(fs::metadata(&path))? else { continue };
        found.push(Entry { name: name.to_owned(), is_dir: metadata.is_dir(), path });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// What is not there is no error; what cannot be read must not pass for it.
pub(super) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_file(path: &Path) -> io::Result<bool> {
    Ok(present(fs::metadata(path))?.is_some_and(|metadata| metadata.is_file()))
}

fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "onnx")
}

/// A positive integer written the one usual way: `01` and `+1` are no versions, so two
/// directories cannot be the same one.
pub(super) fn version_of(name: &str) -> Option<Version> {
    let version: Version = name.parse().ok()?;
    (version > 0 && version.to_string() == name).then_some(version)
}

/// Whether a model file in this directory is one version of a model. The settings decide
/// where both would do: a single model may happen to lie in a directory with such a name.
pub(super) fn is_version_directory(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| version_of(name).is_some()) && !directory.join(SETTINGS_FILE).is_file()
}

/// A directory, and what a single model in it is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) root: &'a Path,
    /// Somebody chose it.
    pub(super) model_name: Option<&'a str>,
    /// In place of the root's own, which says nothing if it is a copy.
    pub(super) root_name: Option<&'a str>,
}

impl Place<'_> {
    /// `model.onnx` says nothing, so its directory names the model.
    fn single_name(&self, file: &Path) -> String {
        if file.file_name().is_some_and(|name| name == MODEL_FILE) {
            let directory = if self.root.is_dir() { Some(self.root) } else { file.parent() };
            directory.map_or_else(|| "model".to_owned(), |directory| self.directory_name(directory))
        } else {
            file_stem(file)
        }
    }

    fn directory_name(&self, directory: &Path) -> String {
        if let Some(name) = self.root_name {
            return name.to_owned();
        }
        let absolute = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        absolute
            .file_name()
            .map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned())
    }
}

/// Everything that is in the directory now, finished or not.
pub(super) fn scan(place: &Place) -> Result<Listing, Error> {
    let root = place.root;
    let unreadable = |reason| Error::Unreadable { path: root.to_owned(), reason };
    let mut listing = Listing::default();
    match Layout::of(root)? {
        Layout::SingleFile(file) => {
            let name = place.model_name.map_or_else(|| place.single_name(&file), str::to_owned);
            // A file that was named itself may have neighbours that it has nothing to do with.
            let shared = root.is_file();
            listing.models.extend(readable(single_file(&file, shared)).map(|model| (name, model)));
        }
        Layout::SingleModel => {
            let name = place.model_name.map_or_else(|| place.directory_name(root), str::to_owned);
            listing.models.extend(readable(versioned(root)).map(|model| (name, model)));
        }
        Layout::Repository => {
            for entry in entries(root).map_err(unreadable)? {
                add(&mut listing.models, &entry);
            }
        }
    }
    Ok(listing)
}

fn add(models: &mut BTreeMap<String, Model>, entry: &Entry) {
    let (name, model) = if entry.is_dir {
        (entry.name.clone(), readable(versioned(&entry.path)))
    } else if is_onnx(&entry.path) {
        (file_stem(&entry.path), readable(single_file(&entry.path, true)))
    } else {
        return;
    };
    let Some(model) = model else { return };
    models
        .entry(name)
        .and_modify(|twin| {
            twin.versions.clear();
            twin.settings = Err(format!(
                "two models have this name: the directory {0}/ and the file {0}.onnx; rename one",
                file_stem(&entry.path)
            ));
        })
        .or_insert(model);
}

fn file_stem(file: &Path) -> String {
    file.file_stem().map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned())
}

/// A model that cannot be read keeps what serves and says why.
fn readable(model: io::Result<Option<Model>>) -> Option<Model> {
    model.unwrap_or_else(|error| {
        let settings = Err(format!("its files cannot be read: {error}"));
        Some(Model { settings, ..Model::default() })
    })
}

fn single_file(file: &Path, shared: bool) -> io::Result<Option<Model>> {
    let mut states = Vec::new();
    let directory = file.parent().unwrap_or(Path::new("."));
    // External data usually carries the model's name: `x.onnx` and `x.onnx.data`.
    let stem = file_stem(file);
    let known = [GOLDEN_FILE, PROFILE_FILE, sums::FILE, SUMS_SIGNATURE_FILE];
    let mut names = BTreeSet::new();
    for entry in entries(directory)?.iter().filter(|entry| !entry.is_dir) {
        let own = entry.name.starts_with(&stem) || known.contains(&entry.name.as_str());
        if own {
            push_state(&mut states, &entry.path)?;
        }
        if own || !shared {
            names.insert(entry.name.clone());
        }
    }
    let settings = read_settings(&directory.join(SETTINGS_FILE), &mut states)?;
    let golden = names.contains(GOLDEN_FILE).then(|| directory.join(GOLDEN_FILE));
    let fingerprint = Fingerprint { files: states, overlay: 0 };
    let files = VersionFiles { model_file: file.to_owned(), golden, names, shared, fingerprint };
    let versions = BTreeMap::from([(1, files)]);
    Ok(Some(Model { settings, versions, ..Model::default() }))
}

/// The model in this directory, if it holds versions.
pub(super) fn model(directory: &Path) -> Option<Model> {
    readable(versioned(directory))
}

/// The model in `<directory>/<version>/model.onnx`; `None` if there are no versions.
fn versioned(directory: &Path) -> io::Result<Option<Model>> {
    let mut settings_state = Vec::new();
    let settings = read_settings(&directory.join(SETTINGS_FILE), &mut settings_state)?;
    let own = settings.as_ref().ok().and_then(|settings| settings.model_file.clone());
    let model_name = own.as_deref().unwrap_or(MODEL_FILE);
    let mut versions = BTreeMap::new();
    let mut any_version = false;
    for entry in present(entries(directory))?.unwrap_or_default() {
        let Some(version) = version_of(&entry.name).filter(|_| entry.is_dir) else { continue };
        any_version = true;
        let model_file = entry.path.join(model_name);
        let mut states = settings_state.clone();
        let names = files_below(&entry.path)?;
        for name in &names {
            push_state(&mut states, &entry.path.join(name))?;
        }
        if !is_file(&model_file)? {
            // Copying it may have just begun. Asked after the states were taken: a file that
            // is removed meanwhile must not look like one that has changed.
            continue;
        }
        let golden = names.contains(GOLDEN_FILE).then(|| entry.path.join(GOLDEN_FILE));
        let fingerprint = Fingerprint { files: states, overlay: 0 };
        let files = VersionFiles { model_file, golden, names, shared: false, fingerprint };
        versions.insert(version, files);
    }
    Ok(any_version.then_some(Model { settings, versions, ..Model::default() }))
}

/// Files below a directory, by their paths in it. Directories themselves say nothing: those
/// of a copy are made anew whenever anything changes.
fn files_below(directory: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = vec![(directory.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = open.pop() {
        for entry in present(entries(&path))?.unwrap_or_default() {
            if found.len() >= MAX_FILES {
                return Ok(found);
            }
            let name = format!("{prefix}{}", entry.name);
            if !entry.is_dir {
                found.insert(name);
            } else if depth < MAX_DEPTH {
                // Links may lead in circles.
                open.push((entry.path, format!("{name}/"), depth + 1));
            }
        }
    }
    Ok(found)
}

fn read_settings(file: &Path, states: &mut Vec<FileState>) -> io::Result<Result<Settings, String>> {
    let settings = read_settings_file(file, states)?;
    let contract = file.with_file_name(CONTRACT_FILE);
    let Some(text) = present(fs::read(&contract))? else { return Ok(settings) };
    push_state(states, &contract)?;
    let text = String::from_utf8(text).map_err(|_| format!("{CONTRACT_FILE}: it is not UTF-8"));
    let contract = text.and_then(|text| {
        Settings::parse_contract(&text).map_err(|error| format!("{CONTRACT_FILE}: {error}"))
    });
    Ok(settings.and_then(|settings| match contract {
        Ok(_) if settings.contract.is_some() => Err(format!(
            "there are two contracts, [contract] in {SETTINGS_FILE} and {CONTRACT_FILE}; keep one"
        )),
        contract => contract.map(|contract| Settings { contract: Some(contract), ..settings }),
    }))
}

fn read_settings_file(
    file: &Path,
    states: &mut Vec<FileState>,
) -> io::Result<Result<Settings, String>> {
    let Some(text) = present(fs::read(file))? else {
        return read_triton(&file.with_file_name(triton::FILE), states);
    };
    push_state(states, file)?;
    let text = String::from_utf8(text).map_err(|_| format!("{SETTINGS_FILE}: it is not UTF-8"));
    Ok(text.and_then(|text| {
        Settings::parse(&text).map_err(|error| format!("{SETTINGS_FILE}: {error}"))
    }))
}

/// What Triton's configuration says, where there are no settings of onnxd's own.
fn read_triton(file: &Path, states: &mut Vec<FileState>) -> io::Result<Result<Settings, String>> {
    let Some(text) = present(fs::read(file))? else { return Ok(Ok(Settings::default())) };
    push_state(states, file)?;
    let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned());
    let named = |error: String| format!("{}: {error}", triton::FILE);
    let (mut settings, labels) = match text.and_then(|text| triton::settings(&text)) {
        Ok(read) => read,
        Err(error) => return Ok(Err(named(error))),
    };
    let directory = file.parent().unwrap_or(Path::new("."));
    for labels in &labels {
        push_state(states, &directory.join(&labels.path))?;
    }
    Ok(match triton::labels::read(&labels, directory) {
        Ok(labels) => {
            settings.class_labels = labels;
            Ok(settings)
        }
        Err(error) => Err(named(error)),
    })
}

fn push_state(states: &mut Vec<FileState>, file: &Path) -> io::Result<()> {
    states.extend(FileState::of(file)?);
    Ok(())
}
