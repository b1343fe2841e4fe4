//! The directory that copies are kept in.
//!
//! | path | what |
//! |---|---|
//! | `objects/<sha256>` | complete contents |
//! | `partial/<key>-<version>` | transfers that may be continued |
//! | `index.json` | which content each object of the source had, and what the tree holds |
//! | `tree/` | hard links into `objects`, laid out as at the source |
//! | `lock` | held by the process that uses the directory |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::store::Object;
use crate::digest::sha256;
use crate::repository::Error;

/// Digests of contents by the paths that they have at the source.
pub(super) type Tree = BTreeMap<String, String>;

#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
    /// Released by the system however the process ends.
    _lock: File,
}

/// What is known between two runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    /// The source that all of this is about.
    pub(super) source: String,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) tree: Tree,
}

/// The content that an object had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) identity: String,
    pub(super) sha256: String,
}

impl Cache {
    /// # Errors
    /// [`Error::Cache`] if the directory cannot be made, or another process uses it.
    pub(super) fn open(root: &Path) -> Result<Self, Error> {
        let unusable = |reason: String| Error::Cache { path: root.to_owned(), reason };
        let prepare = || -> io::Result<File> {
            fs::create_dir_all(root.join("objects"))?;
            fs::create_dir_all(root.join("partial"))?;
            File::options().create(true).truncate(false).write(true).open(root.join("lock"))
        };
        let lock = prepare().map_err(|error| unusable(error.to_string()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| unusable("another server uses it; give each its own".to_owned()))?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// A directory of the cache by its name.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn object(&self, sha256: &str) -> PathBuf {
        self.root.join("objects").join(sha256)
    }

    pub(super) fn has(&self, sha256: &str) -> bool {
        self.object(sha256).is_file()
    }

    pub(super) fn partial(&self, object: &Object) -> PathBuf {
        self.root.join("partial").join(partial_name(object))
    }

    /// The index of the last run; an empty one if there is none, or if it speaks of another
    /// source.
    pub(super) fn index(&self, source: &str) -> Index {
        let read = fs::read(self.root.join("index.json")).ok();
        let index: Option<Index> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let fresh = || Index { source: source.to_owned(), ..Index::default() };
        index.filter(|index| index.source == source).unwrap_or_else(fresh)
    }

    pub(super) fn save(&self, index: &Index) -> io::Result<()> {
        let new = self.root.join("index.json.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(index)?)?;
        file.sync_all()?;
        fs::rename(&new, self.root.join("index.json"))?;
        File::open(&self.root)?.sync_all()
    }

    /// Removes contents that the index does not name, and transfers that nobody continues.
    pub(super) fn collect(&self, index: &Index, wanted: &[Object]) {
        let used: BTreeSet<&str> = index
            .known
            .values()
            .map(|known| known.sha256.as_str())
            .chain(index.tree.values().map(String::as_str))
            .collect();
        remove_others(&self.root.join("objects"), |name| used.contains(name));
        let open: BTreeSet<String> = wanted.iter().map(partial_name).collect();
        remove_others(&self.root.join("partial"), |name| open.contains(name));
    }
}

fn partial_name(object: &Object) -> String {
    let (key, version) = (sha256(object.key.as_ref()), sha256(&object.identity));
    format!("{}-{}", &key[..16], &version[..16])
}

fn remove_others(directory: &Path, keep: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(&keep) {
            // What cannot be removed now is tried again after the next look.
            let _ = fs::remove_file(entry.path());
        }
    }
}
