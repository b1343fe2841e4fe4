//! Files on their way: what is written lies in a directory of its own until the job is done, and
//! only then gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::finished::{self, Finished};
use super::journal::{self, Piece};
use super::manifest;
use crate::table::{Encoder, Placed, Segment};

/// One file that grows segment by segment.
pub(super) struct Part {
    file: File,
    length: u64,
    /// What the end of the file will say; empty in texts.
    placed: Vec<Placed>,
    ahead: Ahead,
}

/// What goes to the disk while others work, so that little is left to wait for at the end.
#[derive(Default)]
struct Ahead {
    /// Of the file, that went.
    bytes: u64,
    /// When more may go.
    due: Option<Instant>,
}

/// Bytes that go to the disk together.
const AHEAD: u64 = 1 << 20;

/// At most one part in so many of the time is spent on that.
const SHARE: u32 = 8;

/// So many files are synced one by one.
const FEW: usize = 64;

/// The name of the file of rejects on its way.
pub(super) const REJECTS: &str = "rejects";

pub(super) fn path(directory: &Path, name: impl std::fmt::Display) -> PathBuf {
    directory.join(format!("{name}.part"))
}

impl Part {
    /// A new file with its head.
    pub(super) fn create(path: &Path, encoder: &Encoder) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let head = encoder.head().map_err(io::Error::other)?;
        file.write_all(&head)?;
        Ok(Self { file, length: head.len() as u64, placed: Vec::new(), ahead: Ahead::default() })
    }

    /// A file that holds these segments; how many of them are really there.
    pub(super) fn reopen(
        path: &Path,
        encoder: &Encoder,
        segments: &[Piece],
    ) -> io::Result<(Self, usize)> {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
            return Ok((Self::create(path, encoder)?, 0));
        };
        let head = encoder.head().map_err(io::Error::other)?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        if !holds(&mut reader, head.len() as u64, crc32fast::hash(&head))? {
            return Ok((Self::create(path, encoder)?, 0));
        }
        let (mut length, mut placed, mut there) = (head.len() as u64, Vec::new(), 0);
        for segment in segments {
            if !holds(&mut reader, segment.bytes, segment.crc)? {
                break;
            }
            placed.push(Placed { at: length, index: segment.index.clone() });
            length += segment.bytes;
            there += 1;
        }
        let mut part = Self { file, length, placed, ahead: Ahead::default() };
        part.cut(length)?;
        Ok((part, there))
    }

    /// Forgets what follows.
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        Ok(())
    }

    pub(super) fn append(&mut self, segment: Segment) -> io::Result<Piece> {
        self.file.write_all(&segment.bytes)?;
        let Segment { bytes, index } = segment;
        let (length, crc) = (bytes.len() as u64, crc32fast::hash(&bytes));
        self.placed.push(Placed { at: self.length, index: index.clone() });
        self.length += length;
        self.sync_ahead()?;
        Ok(Piece { bytes: length, crc, index })
    }

    fn sync_ahead(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let is_due = self.ahead.due.is_none_or(|due| begun >= due);
        if is_due && self.length - self.ahead.bytes >= AHEAD {
            self.sync()?;
            let ended = Instant::now();
            let due = ended + (ended - begun) * (SHARE - 1);
            self.ahead = Ahead { bytes: self.length, due: Some(due) };
        }
        Ok(())
    }

    /// Writes the end. It need not be on the disk before [`sync`].
    pub(super) fn finish(mut self, encoder: &Encoder) -> io::Result<()> {
        let tail = encoder.tail(&self.placed).map_err(io::Error::other)?;
        self.file.write_all(&tail)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Whether the next bytes are there and are these.
fn holds(reader: &mut impl Read, bytes: u64, crc: u32) -> io::Result<bool> {
    let mut hash = crc32fast::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = reader.read(&mut buffer[..most])?;
        if read == 0 {
            return Ok(false);
        }
        hash.update(&buffer[..read]);
        left -= read as u64;
    }
    Ok(hash.finalize() == crc)
}

/// All files below are on the disk. Of very many the device is told once, whoever else writes
/// there.
pub(super) fn sync(directory: &Path, files: Vec<PathBuf>) -> io::Result<()> {
    if files.len() > FEW {
        return Ok(rustix::fs::syncfs(File::open(directory)?)?);
    }
    let mut files = files.into_iter().filter(|path| path.exists());
    files.try_for_each(|path| File::open(path)?.sync_all())
}

/// Removes what was on its way, and nothing else that lies there. What finished goes first: without
/// its files it would vouch for those of another run.
///
/// # Errors
/// Something is still there.
pub fn remove(directory: &Path) -> io::Result<()> {
    Finished::forget(directory)?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_part(&path) {
            remove_file(&path)?;
        }
    }
    remove_file(&directory.join(journal::NAME))?;
    // Somebody may keep other things there.
    let _ = fs::remove_dir(directory);
    Ok(())
}

/// Removes a file, if it is there.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether it is a file of [`path`].
fn is_part(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let own = [REJECTS, manifest::PART, finished::NAME];
    let is_own = own.contains(&stem) || stem.parse::<usize>().is_ok();
    is_own && path.extension().is_some_and(|extension| extension == "part")
}
