//! Where the bytes of a file come from.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::store::ReadAt;
use crate::table::source::unreadable;

/// Bytes that are read at once where they are read from the beginning to the end.
const BLOCK: usize = 256 << 10;

pub enum Origin {
    /// Can be read once, as the standard input.
    Stream(Box<dyn Read + Send>),
    /// The same, where it is known how many bytes come.
    Sequence(Box<dyn Read + Send>, u64),
    File(Arc<dyn ReadAt>),
}

impl Origin {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Stream(_) => false,
            Self::Sequence(_, bytes) => *bytes == 0,
            Self::File(file) => file.is_empty(),
        }
    }

    /// 0 where nobody knows.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Stream(_) => 0,
            Self::Sequence(_, bytes) => *bytes,
            Self::File(file) => file.len(),
        }
    }

    /// From this byte on; a stream has to be there already.
    pub(super) fn read(self, from: u64) -> Box<dyn Read + Send> {
        match self {
            Self::Stream(stream) | Self::Sequence(stream, _) => stream,
            Self::File(file) => Box::new(BufReader::with_capacity(BLOCK, Cursor::new(file, from))),
        }
    }

    /// Something that can be read from anywhere: a stream becomes a file that has no name.
    pub(super) fn into_file(self) -> Result<Arc<dyn ReadAt>, String> {
        match self {
            Self::File(file) => Ok(file),
            Self::Stream(stream) | Self::Sequence(stream, _) => spool(stream).map_err(unreadable),
        }
    }
}

fn spool(mut stream: Box<dyn Read + Send>) -> io::Result<Arc<dyn ReadAt>> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut stream, &mut file)?;
    file.flush()?;
    let bytes = file.metadata()?.len();
    Ok(Arc::new(Spooled { file, bytes }))
}

/// A file that nobody else knows.
struct Spooled {
    file: File,
    bytes: u64,
}

impl ReadAt for Spooled {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// Reads one after the other.
pub(super) struct Cursor {
    file: Arc<dyn ReadAt>,
    at: u64,
}

impl Cursor {
    /// From this byte on.
    pub(super) fn new(file: Arc<dyn ReadAt>, at: u64) -> Self {
        Self { file, at }
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.file.read_at(self.at, &mut buffer[..wanted])?;
        self.at += wanted as u64;
        Ok(wanted)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(offset) => (self.file.len(), offset),
            SeekFrom::Current(offset) => (self.at, offset),
        };
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        self.at = base.checked_add_signed(offset).ok_or_else(outside)?;
        Ok(self.at)
    }
}
