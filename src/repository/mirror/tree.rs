//! Puts the tree together that is listed and loaded from: a new one beside the old, of hard
//! links, exchanged for it in one step. So a look, and a crash, find one or the other.
//!
//! A file whose content stays keeps its inode and times, and so its fingerprint.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::cache::{Cache, Tree};
use super::held;

/// Makes the tree on disk this one. `looking` is held only for the exchange.
pub(super) fn publish(cache: &Cache, tree: &Tree, looking: &Mutex<()>) -> io::Result<()> {
    let new = cache.beside("tree.new");
    let old = cache.beside("tree.old");
    remove(&new)?;
    fs::create_dir(&new)?;
    for (path, sha256) in tree {
        let link = new.join(path);
        if let Some(parent) = link.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::hard_link(cache.object(sha256), link)?;
    }
    // Of the many directories' names only these must reach the disk before they are relied on;
    // the index says what belongs into them.
    File::open(&new)?.sync_all()?;
    let current = cache.tree();
    {
        let _nobody_looks = held(looking);
        remove(&old)?;
        exchange(&new, &current, &old)?;
    }
    remove(&new)?;
    remove(&old)
}

fn exchange(new: &Path, current: &Path, old: &Path) -> io::Result<()> {
    if !current.exists() {
        return fs::rename(new, current);
    }
    if renameat_with(CWD, new, CWD, current, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    // File systems without an exchange. A crash in between is mended at the next start, which
    // makes the tree again from the index.
    fs::rename(current, old)?;
    fs::rename(new, current)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
