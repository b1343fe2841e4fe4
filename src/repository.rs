//! Where models come from: a local directory, read again and again, or the local copy of
//! an object store.
//!
//! A look gives a [`Listing`]: which models and versions are there, what their `model.toml`
//! says, and a fingerprint of each version's files. Files that are still changing are left
//! out until they stand still, so a half-copied model is never listed. Nothing here loads a
//! model or knows which ones are live.

mod contracts;
mod golden;
mod layout;
mod mirror;
mod overlay;
mod settings;
mod settle;
mod source;
mod sums;
mod triton;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

pub use contracts::{Found as FoundContract, Place as ContractPlace};
pub use mirror::CacheConfig;
pub use overlay::{Overlay, OverlayError, OverlayValue};
pub use settings::{
    Batching, Evaluation, Gate, GoldenPolicy, Limits, Metric, Rollback, Settings, SignaturePolicy,
    Target, VersionPolicy, parse_duration,
};

pub use source::{Remote, Source};
pub use verify::{Verification, verify};

use crate::digest;

/// A version number; positive.
pub type Version = u64;

/// Where the models are.
#[derive(Debug, Clone)]
pub struct Config {
    pub source: Source,
    /// Name for a single model; by default that of its directory or file.
    pub model_name: Option<String>,
    /// How long files must stand still before they count as complete.
    pub settle: Duration,
    /// How a source behind a network is copied.
    pub cache: CacheConfig,
    pub verification: Verification,
}

impl Config {
    /// Looks at a local path as it is now.
    #[must_use]
    pub fn local(path: &Path) -> Self {
        Self {
            source: Source::Local(path.to_owned()),
            model_name: None,
            settle: Duration::ZERO,
            cache: CacheConfig::default(),
            verification: Verification::default(),
        }
    }
}

/// The models cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: PathBuf, reason: io::Error },
    #[error("--model-name names a single model, but {path} holds several")]
    NameForMany { path: PathBuf },
    #[error("{url}: {reason}")]
    Url { url: String, reason: String },
    #[error("the cache directory {path} cannot be used: {reason}")]
    Cache { path: PathBuf, reason: String },
}

/// One look at the repository.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    pub models: BTreeMap<String, Model>,
    /// Files are still changing: look again soon.
    pub unsettled: bool,
    /// Why the source as a whole cannot be read, if so; what is listed is of an earlier look.
    pub problem: Option<String>,
}

/// A model as the source shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The settings, or why they cannot be used.
    pub settings: Result<Settings, String>,
    pub versions: BTreeMap<Version, VersionFiles>,
    /// Versions that are there but still changing, and so are not listed above.
    pub changing: BTreeSet<Version>,
    /// Versions that are at the source and could not be copied, with the reason. One that is
    /// listed above, too, is there as it was before.
    pub failed: BTreeMap<Version, String>,
}

impl Model {
    /// Whether the version is at the source, whatever its state.
    #[must_use]
    pub fn has(&self, version: Version) -> bool {
        self.versions.contains_key(&version)
            || self.changing.contains(&version)
            || self.failed.contains_key(&version)
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            settings: Ok(Settings::default()),
            versions: BTreeMap::new(),
            changing: BTreeSet::new(),
            failed: BTreeMap::new(),
        }
    }
}

/// The files of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionFiles {
    pub model_file: PathBuf,
    /// Golden examples, where the version has some.
    pub golden: Option<PathBuf>,
    /// All files of the version, by their paths in the model file's directory.
    pub names: BTreeSet<String>,
    /// The directory holds other models as well.
    pub shared: bool,
    pub fingerprint: Fingerprint,
}

impl VersionFiles {
    /// Where `model.toml` lies: above the directory of a numbered version, else beside the
    /// file. Paths in the settings are relative to it.
    #[must_use]
    pub fn model_directory(&self) -> &Path {
        let directory = self.model_file.parent().unwrap_or(Path::new("."));
        let is_version = layout::is_version_directory(directory);
        directory.parent().filter(|_| is_version).unwrap_or(directory)
    }

    /// The path of one of the version's files; `None` if it does not have it.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let directory = self.model_file.parent().unwrap_or(Path::new("."));
        self.names.contains(name).then(|| directory.join(name))
    }

    /// Input shapes that real requests have, by input name: those of the golden examples.
    /// A file that cannot be read gives none; whether the examples hold is not decided
    /// here.
    pub fn known_shapes(&self) -> Vec<golden::Shapes> {
        self.golden.as_deref().map(golden::shapes).unwrap_or_default()
    }
}

/// Names, sizes, times and inodes of a version's files and of the model's settings; it
/// changes whenever one of them does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    files: Vec<FileState>,
    /// The number of the overlay that stands before them, or 0.
    overlay: u64,
}

#[derive(Debug, Clone)]
struct FileState {
    name: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
    /// When it was last written, whatever time it was given since. A link to it counts, too,
    /// so it says nothing about whether the file is the same.
    touched: SystemTime,
}

impl FileState {
    /// `None` if there is no such file.
    fn of(file: &Path) -> io::Result<Option<Self>> {
        let Some(metadata) = layout::present(fs::metadata(file))? else { return Ok(None) };
        let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
        let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
        Ok(Some(Self {
            name: file.to_owned(),
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            inode: metadata.ino(),
            touched: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos),
        }))
    }
}

impl PartialEq for FileState {
    fn eq(&self, other: &Self) -> bool {
        let told = |file: &Self| (file.bytes, file.modified, file.inode);
        told(self) == told(other) && self.name == other.name
    }
}

impl Eq for FileState {}

impl Fingerprint {
    /// The same for the same files, also in another process.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = digest::Stream::default();
        hash.update(&self.overlay.to_le_bytes());
        for file in &self.files {
            let modified =
                file.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            hash.update(file.name.as_os_str().as_encoded_bytes());
            hash.update(&[0]);
            hash.update(&file.bytes.to_le_bytes());
            hash.update(&modified.unwrap_or_default().as_nanos().to_le_bytes());
            hash.update(&file.inode.to_le_bytes());
        }
        digest::hex(&hash.first::<16>())
    }

    /// Whether the files are still those that were seen.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.files
            .iter()
            .all(|file| FileState::of(&file.name).ok().flatten().as_ref() == Some(file))
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A source and what was last seen in it.
#[derive(Debug)]
pub struct Repository {
    config: Config,
    settling: settle::Settling,
    overlays: BTreeMap<String, Overlay>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Local(PathBuf),
    Remote(mirror::Mirror),
}

impl Repository {
    /// Opens a path, or begins to copy what is behind a URL.
    ///
    /// # Errors
    /// [`Error`] if the path cannot be read, or nothing can be copied from the URL or into
    /// the cache whatever the store answers.
    pub fn open(config: Config) -> Result<Self, Error> {
        let (place, settle) = match &config.source {
            Source::Local(root) => (Place::Local(root.clone()), config.settle),
            Source::Remote(remote) => {
                let mirror =
                    mirror::Mirror::start(remote, &config.cache, config.model_name.as_deref())?;
                // Files appear there whole.
                (Place::Remote(mirror), Duration::ZERO)
            }
        };
        let settling = settle::Settling::new(settle);
        let repository = Self { config, settling, overlays: BTreeMap::new(), place };
        let found = repository.scan()?;
        match &repository.place {
            Place::Local(root) if repository.names_many(&found) => {
                Err(Error::NameForMany { path: root.clone() })
            }
            _ => Ok(repository),
        }
    }

    #[must_use]
    pub fn source(&self) -> &Source {
        &self.config.source
    }

    #[must_use]
    pub fn verification(&self) -> &Verification {
        &self.config.verification
    }

    /// Has the copy of an object store brought up to date now, not at the next poll.
    pub fn refresh(&self) {
        if let Place::Remote(mirror) = &self.place {
            mirror.refresh();
        }
    }

    /// Looks at the models. Never waits for a network.
    ///
    /// # Errors
    /// [`Error`] if the root cannot be read; what is wrong with single models is in the
    /// listing.
    pub fn list(&mut self) -> Result<Listing, Error> {
        let mut found = self.scan()?;
        let many = self.names_many(&found);
        for (name, overlay) in &self.overlays {
            overlay.put_before(&mut found, name);
        }
        let mut listing = self.settling.settled(found);
        if let Place::Remote(mirror) = &self.place {
            mirror.add_to(&mut listing);
            if many {
                let problem = "--model-name names a single model, but the source holds several";
                listing.problem.get_or_insert_with(|| problem.to_owned());
            }
        }
        Ok(listing)
    }

    fn names_many(&self, found: &Listing) -> bool {
        self.config.model_name.is_some() && found.models.len() > 1
    }

    fn scan(&self) -> Result<Listing, Error> {
        let model_name = self.config.model_name.as_deref();
        match &self.place {
            Place::Local(root) => {
                layout::scan(&layout::Place { root, model_name, root_name: None })
            }
            Place::Remote(mirror) => mirror.scan(model_name),
        }
    }

    /// Puts this before what the directory says of a model, or nothing any more.
    pub fn overlay(&mut self, model: &str, overlay: Option<Overlay>) {
        match overlay {
            Some(overlay) => self.overlays.insert(model.to_owned(), overlay),
            None => self.overlays.remove(model),
        };
    }
}
