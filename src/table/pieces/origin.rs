//! Where the bytes of a file come from.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::store::{Local, ReadAt};

/// Bytes that are read at once where they are read from the beginning to the end.
const BLOCK: usize = 256 << 10;

pub enum Origin {
    /// Can be read once, as the standard input.
    Stream(Box<dyn Read + Send>),
    File(Arc<dyn ReadAt>),
}

impl Origin {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::File(file) if file.is_empty())
    }

    /// 0 where nobody knows.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Stream(_) => 0,
            Self::File(file) => file.len(),
        }
    }

    /// From this byte on; a stream has to be there already.
    pub(super) fn read(self, from: u64) -> Box<dyn Read + Send> {
        match self {
            Self::Stream(stream) => stream,
            Self::File(file) => {
                Box::new(BufReader::with_capacity(BLOCK, Cursor { file, at: from }))
            }
        }
    }

    /// Something that can be read from anywhere: a stream becomes a file that has no name.
    pub(super) fn into_file(self) -> Result<Arc<dyn ReadAt>, String> {
        match self {
            Self::File(file) => Ok(file),
            Self::Stream(stream) => {
                spool(stream).map_err(|error| format!("it cannot be read: {error}"))
            }
        }
    }
}

fn spool(mut stream: Box<dyn Read + Send>) -> io::Result<Arc<dyn ReadAt>> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut stream, &mut file)?;
    file.flush()?;
    Ok(Arc::new(Local::new(file)?))
}

/// Reads one after the other.
pub(super) struct Cursor {
    file: Arc<dyn ReadAt>,
    at: u64,
}

impl Cursor {
    pub(super) fn new(file: Arc<dyn ReadAt>) -> Self {
        Self { file, at: 0 }
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
