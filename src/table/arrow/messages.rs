//! The messages of an Arrow stream: a header, which says what it is, and the bytes of a batch.
//!
//! Lengths stand in the file and may be wrong in a damaged one. None is believed before the
//! bytes are there: an allocation that fails would end the process.

use std::io::Read;

use arrow_ipc::{CompressionType, RecordBatch, root_as_message};

use crate::table::source;

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Memory that is set aside for bytes that have not come yet.
const MAX_RESERVED: u64 = 64 << 20;

/// LZ4 makes no more bytes of one.
const EXPANSION: i64 = 255;

pub(super) struct Messages<R> {
    reader: R,
    /// A stream may end without saying so; one inside a file may not.
    must_end: bool,
    /// Bytes of a body, packed and unpacked.
    most: u64,
}

impl<R: Read> Messages<R> {
    pub(super) fn new(reader: R, must_end: bool, most: u64) -> Self {
        Self { reader, must_end, most }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    pub(super) fn next(&mut self) -> Result<Option<Message>, String> {
        let Some(length) = self.length()? else { return Ok(None) };
        let header = self.bytes(length)?;
        let mut message = Message { header, body: Vec::new() };
        let length = message.header()?.bodyLength();
        let length = u64::try_from(length).map_err(|_| format!("a batch has {length} bytes"))?;
        check_length(length, self.most)?;
        message.body = self.bytes(length)?;
        Ok(Some(message))
    }

    /// The length of the next header; `None` at the end.
    fn length(&mut self) -> Result<Option<u64>, String> {
        let mut bytes = self.some(4)?;
        if bytes.is_empty() && !self.must_end {
            return Ok(None);
        }
        if bytes == CONTINUATION {
            bytes = self.some(4)?;
        }
        let length = bytes.try_into().map(u32::from_le_bytes).map_err(|_| too_early())?;
        Ok((length > 0).then_some(u64::from(length)))
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let bytes = self.some(length)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(too_early()) }
    }

    /// Bytes of this number, or fewer at the end.
    fn some(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let reserved = usize::try_from(length.min(MAX_RESERVED)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(reserved);
        let read = self.reader.by_ref().take(length).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(source::unreadable)
    }
}

fn check_length(length: u64, most: u64) -> Result<(), String> {
    if length <= most {
        return Ok(());
    }
    Err(format!("a batch has {length} bytes, expected at most {most}: write smaller batches"))
}

fn too_early() -> String {
    "it ends too early".to_owned()
}

pub(super) struct Message {
    header: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn header(&self) -> Result<arrow_ipc::Message<'_>, String> {
        root_as_message(&self.header).map_err(|_| "a message is damaged".to_owned())
    }

    /// # Errors
    /// The buffers are compressed as nobody here knows it, or say that they become larger
    /// than they can.
    pub(super) fn check_buffers(&self, most: u64) -> Result<(), String> {
        let header = self.header()?;
        let dictionary = header.header_as_dictionary_batch().and_then(|batch| batch.data());
        match header.header_as_record_batch().or(dictionary) {
            Some(batch) => check_buffers(batch, &self.body, most),
            None => Ok(()),
        }
    }
}

fn check_buffers(batch: RecordBatch, body: &[u8], most: u64) -> Result<(), String> {
    let Some(compression) = batch.compression() else { return Ok(()) };
    if compression.codec() != CompressionType::LZ4_FRAME {
        return Err("it is compressed with Zstandard, expected LZ4 or no compression".to_owned());
    }
    let mut unpacked = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let place = usize::try_from(buffer.offset()).ok();
        let bytes = place.zip(usize::try_from(buffer.length()).ok());
        // What lies outside of the body, the decoder refuses.
        let bytes = bytes.and_then(|(place, length)| body.get(place..)?.get(..length));
        let length = bytes.and_then(|bytes| bytes.first_chunk::<8>());
        let length = length.map_or(0, |length| i64::from_le_bytes(*length));
        if length > buffer.length().saturating_mul(EXPANSION) {
            return Err(format!("a buffer of {} bytes says it holds {length}", buffer.length()));
        }
        unpacked = unpacked.saturating_add(u64::try_from(length).unwrap_or(0));
        check_length(unpacked, most)?;
    }
    Ok(())
}
