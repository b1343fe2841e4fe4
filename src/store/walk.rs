//! The files of this machine that fit a pattern.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::pattern::{Part, Pattern, is_hidden, name_fits};
use super::{Found, local};

/// So many files one pattern may name.
pub(super) const MAX_FILES: usize = 1_000_000;

/// A directory, and the parts that names in it and below must fit.
struct Step<'a> {
    directory: PathBuf,
    relative: String,
    parts: &'a [Part],
}

#[derive(Default)]
struct Walk<'a> {
    steps: Vec<Step<'a>>,
    /// Links to directories wait, so that files are found under the names that they have
    /// without links.
    links: Vec<Step<'a>>,
    /// Directories that `**` went into, with the parts that were left: links may lead in
    /// circles.
    entered: HashSet<(u64, u64, usize)>,
    found: Vec<Found>,
}

/// # Errors
/// The text names the directory or file.
pub(super) fn walk(pattern: &Pattern) -> Result<Vec<Found>, String> {
    let mut walk = Walk::default();
    let directory = PathBuf::from(&pattern.fixed);
    walk.steps.push(Step { directory, relative: String::new(), parts: &pattern.parts });
    while let Some(step) = walk.steps.pop().or_else(|| walk.links.pop()) {
        walk.enter(&step)?;
    }
    let mut found = walk.found;
    found.sort_by(|a, b| a.relative.cmp(&b.relative));
    // Several `**` can lead to the same file.
    found.dedup_by(|a, b| a.relative == b.relative);
    Ok(found)
}

fn failed(path: &Path, error: impl ToString) -> String {
    format!("{}: {}", path.display(), error.to_string())
}

impl<'a> Walk<'a> {
    fn enter(&mut self, step: &Step<'a>) -> Result<(), String> {
        let readable = if step.directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            step.directory.as_path()
        };
        let entries = match fs::read_dir(readable) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(readable, error)),
        };
        if matches!(step.parts.first(), Some(Part::Deep)) {
            let metadata = fs::metadata(readable).map_err(|error| failed(readable, error))?;
            if !self.entered.insert((metadata.dev(), metadata.ino(), step.parts.len())) {
                return Ok(());
            }
        }
        for entry in entries {
            let entry = entry.map_err(|error| failed(readable, error))?;
            self.entry(step, &entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, step: &Step<'a>, entry: &DirEntry) -> Result<(), String> {
        let (deep, pattern, rest) = match step.parts {
            [Part::Deep, Part::Name(pattern), rest @ ..] => (true, pattern, rest),
            [Part::Name(pattern), rest @ ..] => (false, pattern, rest),
            _ => return Ok(()),
        };
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let fits = name_fits(pattern, &text);
        let descends = deep && !is_hidden(&text);
        if !fits && !descends {
            return Ok(());
        }
        let path = step.directory.join(&name);
        let kind = entry.file_type().map_err(|error| failed(&path, error))?;
        // Of most files nobody needs to know more.
        if !kind.is_dir() && !kind.is_symlink() && (!fits || !rest.is_empty()) {
            return Ok(());
        }
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if fits && rest.is_empty() => return Err(failed(&path, error)),
            // A link into nothing that no name asks for.
            Err(_) => return Ok(()),
        };
        let slash = if step.relative.is_empty() { "" } else { "/" };
        let relative = format!("{}{slash}{text}", step.relative);
        if metadata.is_dir() {
            let directory =
                |parts| Step { directory: path.clone(), relative: relative.clone(), parts };
            let steps = if kind.is_symlink() { &mut self.links } else { &mut self.steps };
            if fits && !rest.is_empty() {
                steps.push(directory(rest));
            }
            if descends {
                steps.push(directory(step.parts));
            }
        } else if metadata.is_file() && fits && rest.is_empty() {
            if path.to_str().is_none() {
                return Err(failed(&path, "its name is not UTF-8"));
            }
            if self.found.len() == MAX_FILES {
                return Err(format!("these are more than {MAX_FILES} files"));
            }
            self.found.push(local::found(&path, relative, &metadata));
        }
        Ok(())
    }
}
