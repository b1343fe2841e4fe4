//! Events in a file, one a line. It is for its owner alone, and is put aside when it is full.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::OFlags;
use tokio::sync::{mpsc, oneshot};

use super::event::Attributes;
use super::{Item, Metrics};
use crate::telemetry::outage::Outage;

/// The file that is written, and those that were put aside.
pub(super) struct Files {
    path: PathBuf,
    max_bytes: u64,
    most: usize,
    /// None after it could not be opened again.
    current: Option<(File, u64)>,
}

/// Nobody else may read what callers sent.
const OWNER_ONLY: u32 = 0o600;

impl Files {
    /// # Errors
    /// A message for people.
    pub(super) fn open(path: &Path, max_bytes: u64, files: usize) -> Result<Self, String> {
        let current = open(path).map_err(|error| {
            format!("the payload log '{}' cannot be written: {error}", path.display())
        })?;
        Ok(Self { path: path.to_owned(), max_bytes, most: files, current: Some(current) })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        let (mut file, mut bytes) = match self.current.take() {
            Some(current) => current,
            None => open(&self.path)?,
        };
        if bytes > 0 && bytes + length > self.max_bytes {
            drop(file);
            self.put_aside()?;
            (file, bytes) = open(&self.path)?;
        }
        let written = (&file).write_all(line);
        if written.is_err() {
            // A part of a line would spoil the next one.
            let _ = file.set_len(bytes);
            self.current = Some((file, bytes));
        } else {
            self.current = Some((file, bytes + length));
        }
        written
    }

    /// Makes room for a new file; the oldest goes.
    fn put_aside(&self) -> io::Result<()> {
        let aside = |number: usize| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        // What somebody else has removed need not be moved.
        let moved = |done: io::Result<()>| match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        if self.most == 1 {
            return moved(fs::remove_file(&self.path));
        }
        for number in (1..self.most - 1).rev() {
            moved(fs::rename(aside(number), aside(number + 1)))?;
        }
        moved(fs::rename(&self.path, aside(1)))
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(OWNER_ONLY);
    // A pipe that nobody reads must not hold up the start.
    options.custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0));
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        // It cannot be put aside: a device would be renamed.
        return Err(io::Error::other("it is no regular file"));
    }
    // One that was there may be open to others.
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    Ok((file, metadata.len()))
}

/// Writes on a thread of its own, which a disk may hold up.
pub(super) fn start(
    mut files: Files,
    attributes: Attributes,
    mut came: mpsc::UnboundedReceiver<Item>,
    metrics: Metrics,
) -> Result<oneshot::Receiver<()>, String> {
    let (ended, end) = oneshot::channel();
    let write = move || {
        let mut outage = Outage::new("payloads");
        while let Some(Item::Event(event)) = came.blocking_recv() {
            match files.write(&event.line(&attributes)) {
                Ok(()) => {
                    metrics.logged.inc();
                    outage.worked();
                }
                Err(error) => {
                    metrics.sink.inc();
                    outage.failed(&error.to_string());
                }
            }
        }
        drop(ended);
    };
    let thread = thread::Builder::new().name("payloads".to_owned()).spawn(write);
    thread.map_err(|error| format!("cannot start a thread for the payload log: {error}"))?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn contents(directory: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let content = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        };
        entries.map(content).collect()
    }

    #[test]
    fn a_full_file_that_cannot_be_put_aside_does_not_grow() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut files = Files::open(&path, 8, 2).unwrap();
        files.write(b"line 1\n").unwrap();
        fs::create_dir(directory.path().join("log.1")).unwrap();
        for _ in 0..3 {
            files.write(b"line 2\n").unwrap_err();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 1\n");
        fs::remove_dir(directory.path().join("log.1")).unwrap();
        files.write(b"line 3\n").unwrap();
        assert_eq!(contents(directory.path())["log"], "line 3\n");
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        for path in [Path::new("/dev/null"), &pipe] {
            let Err(error) = Files::open(path, 8, 1) else { panic!("{path:?} is taken") };
            assert!(error.starts_with("the payload log '"), "{error}");
        }
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, "before\n").unwrap();
        let mut files = Files::open(&path, 14, 3).unwrap();
        for number in 1..=6 {
            files.write(format!("line {number}\n").as_bytes()).unwrap();
        }
        let expected =
            [("log", "line 6\n"), ("log.1", "line 4\nline 5\n"), ("log.2", "line 2\nline 3\n")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(contents(directory.path()), BTreeMap::from(expected));
        let mut one = Files::open(&path, 8, 1).unwrap();
        one.write(b"line 7\n").unwrap();
        assert_eq!(contents(directory.path())["log"], "line 7\n");
        assert_eq!(contents(directory.path())["log.1"], "line 4\nline 5\n");
    }

    #[test]
    fn the_file_is_for_its_owner_alone_also_if_it_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut files = Files::open(&path, 1, 2).unwrap();
        files.write(b"a long line\n").unwrap();
        files.write(b"another one\n").unwrap();
        for name in ["log", "log.1"] {
            let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, OWNER_ONLY, "{name}");
        }
    }

    #[test]
    fn a_disk_that_comes_back_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let (inner, path) = (directory.path().join("inner"), directory.path().join("inner/log"));
        fs::create_dir(&inner).unwrap();
        let mut files = Files::open(&path, 1, 2).unwrap();
        files.write(b"first\n").unwrap();
        fs::remove_dir_all(&inner).unwrap();
        assert!(files.write(b"lost\n").is_err());
        fs::create_dir(&inner).unwrap();
        files.write(b"second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
    }
}
