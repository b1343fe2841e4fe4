//! The text of a file that may be packed, in a buffer that grows with what is looked at.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::Origin;
use crate::table::Progress;
use crate::table::format::Packing;
use crate::table::ndjson::BYTE_ORDER_MARK;
use crate::table::source::{COMPRESSED, MAX_ROW, unreadable};

/// Bytes that tell what a text is: as many as the longest magic has.
const HEAD: usize = 4;

/// Bytes that are added at once.
const BLOCK: usize = 256 << 10;

pub(super) struct Unpacked {
    reader: Box<dyn Read + Send>,
    /// What was read and not taken yet, from `taken` to `filled`.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Bytes of the text that were taken.
    before: u64,
    ended: bool,
}

/// Counts what is read of a file.
struct Counted<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

impl Unpacked {
    pub(super) fn open(
        origin: Origin,
        packing: Packing,
        progress: &Progress,
    ) -> Result<Self, String> {
        let reader = Counted { inner: origin.read(0), progress: progress.clone() };
        let reader: Box<dyn Read + Send> = match packing {
            Packing::None => Box::new(reader),
            Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Packing::Zstd => {
                Box::new(zstd::stream::read::Decoder::new(reader).map_err(unreadable)?)
            }
        };
        let mut text =
            Self { reader, buffer: Vec::new(), taken: 0, filled: 0, before: 0, ended: false };
        // A pipe may give its first bytes one by one.
        while text.rest().len() < HEAD && text.more()? {}
        if let Some((name, _)) = COMPRESSED.iter().find(|(_, magic)| text.rest().starts_with(magic))
        {
            return Err(format!("it is compressed with {name}, and its name does not say so"));
        }
        if text.rest().starts_with(BYTE_ORDER_MARK) {
            text.take(BYTE_ORDER_MARK.len());
        }
        Ok(text)
    }

    /// What was read and not taken.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..self.filled]
    }

    /// Bytes of the text that were taken.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// Reads on; `false` at the end.
    pub(super) fn more(&mut self) -> Result<bool, String> {
        if self.ended {
            return Ok(false);
        }
        if self.taken > 0 {
            self.buffer.copy_within(self.taken..self.filled, 0);
            (self.taken, self.filled) = (0, self.filled - self.taken);
        }
        if self.buffer.len() < self.filled + BLOCK {
            self.buffer.resize(self.filled + BLOCK, 0);
        }
        let room = self.filled..self.filled + BLOCK;
        let read = loop {
            match self.reader.read(&mut self.buffer[room.clone()]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(unreadable)?,
            }
        };
        self.filled += read;
        self.ended = read == 0;
        Ok(read > 0)
    }

    /// Takes so many bytes of what was read.
    pub(super) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let taken = self.rest()[..bytes].to_vec();
        self.taken += bytes;
        self.before += bytes as u64;
        taken
    }

    /// Passes over everything up to this byte of the text.
    pub(super) fn go_to(&mut self, byte: u64) -> Result<(), String> {
        while self.before < byte {
            let left = usize::try_from(byte - self.before).unwrap_or(usize::MAX);
            let there = left.min(self.rest().len());
            self.taken += there;
            self.before += there as u64;
            if self.before < byte && !self.more()? {
                return Err("it has become shorter".to_owned());
            }
        }
        Ok(())
    }
}

/// Whether a row of so many bytes has no end.
pub(super) fn is_too_long(bytes: usize) -> bool {
    bytes as u64 > MAX_ROW
}

/// Of a row without an end.
pub(super) fn too_long() -> String {
    format!("it is longer than {} MiB, is a quotation mark or a line end missing?", MAX_ROW >> 20)
}
