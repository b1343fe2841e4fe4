//! Files as the formats read them: counted, and never more of one row than fits memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Progress;

/// Bytes that are read from the system at once.
pub(super) const BUFFER: usize = 1 << 16;

/// A row of text may have so many bytes: a forgotten quotation mark makes the rest of a file
/// one cell.
pub(super) const MAX_ROW: u64 = 64 << 20;

/// What compressed files begin with.
pub(super) const COMPRESSED: [(&str, &[u8]); 3] =
    [("gzip", b"\x1f\x8b"), ("Zstandard", b"\x28\xb5\x2f\xfd"), ("zip", b"PK\x03\x04")];

/// An open file that counts what is read of it.
pub(super) struct Source {
    pub(super) file: File,
    progress: Progress,
}

impl Source {
    pub(super) fn new(file: File, bytes: u64) -> Self {
        Self { file, progress: Progress::of(bytes) }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// A reader of rows of text.
    ///
    /// # Errors
    /// It is compressed.
    pub(super) fn into_text(self) -> Result<(Text, RowLimit), String> {
        let left = RowLimit(Arc::new(AtomicU64::new(MAX_ROW)));
        let limited = Limited { source: self, left: left.clone() };
        let mut text = BufReader::with_capacity(BUFFER, limited);
        let head = text.fill_buf().map_err(unreadable)?;
        match COMPRESSED.iter().find(|(_, magic)| head.starts_with(magic)) {
            Some((name, _)) => Err(format!("it is compressed with {name}, unpack it first")),
            None => Ok((text, left)),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

pub(super) type Text = BufReader<Limited>;

/// Ends rows that never end.
pub(super) struct Limited {
    source: Source,
    left: RowLimit,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.0.load(Ordering::Relaxed);
        if left == 0 {
            let mebibytes = MAX_ROW >> 20;
            return Err(io::Error::other(format!(
                "a row is longer than {mebibytes} MiB, is a quotation mark or a line end missing?"
            )));
        }
        let read = self.source.read(buffer)?;
        self.left.0.store(left.saturating_sub(read as u64), Ordering::Relaxed);
        Ok(read)
    }
}

/// Tells the reader below that a row begins.
#[derive(Clone)]
pub(super) struct RowLimit(Arc<AtomicU64>);

impl RowLimit {
    pub(super) fn row_begins(&self) {
        self.0.store(MAX_ROW, Ordering::Relaxed);
    }
}

pub(super) fn unreadable(error: io::Error) -> String {
    format!("it cannot be read: {error}")
}
