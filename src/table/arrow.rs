//! Arrow IPC, as a file or as a stream; one batch of it is in memory at a time.
//!
//! A file holds a stream between its first bytes and its footer, and is read as that: its
//! dictionaries must come before the batches that use them, as all writers do it.

mod messages;

use std::collections::HashMap;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek, SeekFrom};
use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_schema::SchemaRef;

use super::source::{self, BUFFER, Source};
use super::{Table, batches};
use messages::{Message, Messages};

/// A file begins with it, filled up with zeros to a multiple of eight bytes, and ends with it.
const FILE: &[u8; 6] = b"ARROW1";
/// Bytes that are looked at: the beginning of a file with what it is filled up with.
const HEAD: usize = 64;
const STREAM: &[u8] = &[0xff; 4];
/// The first version of Feather was another format.
const OLD_FEATHER: &[u8] = b"FEA1";

pub(super) fn open(mut source: Source) -> Result<Table, String> {
    let progress = source.progress();
    let has_footer = has_footer(&mut source.file);
    let batches = batches_of(source, has_footer, u64::MAX)?;
    Ok(batches::table(&batches.schema.clone(), batches, progress))
}

/// The batches of a file or a stream from its beginning on. `has_footer` says whether a file ends
/// as one should; a batch may have so many bytes, packed and unpacked.
pub(super) fn batches_of<R: Read>(
    reader: R,
    has_footer: bool,
    most: u64,
) -> Result<Batches<R>, String> {
    let (mut reader, mut head) = (reader, Vec::with_capacity(HEAD));
    // A pipe may give its first bytes one by one.
    let read = reader.by_ref().take(HEAD as u64).read_to_end(&mut head);
    read.map_err(source::unreadable)?;
    let is_file = head.starts_with(FILE);
    let padded = 8 + 8 * head.chunks(8).skip(1).take_while(|bytes| *bytes == [0; 8]).count();
    if is_file {
        if !has_footer {
            return Err("it is no whole Arrow: it has no footer".to_owned());
        }
        head.drain(..padded.min(head.len()));
    } else if head.starts_with(OLD_FEATHER) {
        return Err(
            "it is Feather of version 1, expected version 2, which is an Arrow file".to_owned()
        );
    } else if !head.starts_with(STREAM) {
        return Err("it is no Arrow: it begins neither as a file nor as a stream".to_owned());
    }
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(reader));
    Batches::open(Messages::new(reader, is_file, most))
        .map_err(|reason| format!("it is no whole Arrow: {reason}"))
}

/// Whether a file ends as it should. What cannot be seen beforehand, as in pipes, may.
pub(super) fn has_footer(file: &mut (impl Read + Seek)) -> bool {
    let mut ends = || -> io::Result<bool> {
        let mut end = [0; FILE.len()];
        file.seek(SeekFrom::End(-6))?;
        file.read_exact(&mut end)?;
        file.rewind()?;
        Ok(end == *FILE)
    };
    ends().unwrap_or(true)
}

/// A reader whose first bytes were looked at.
type Begun<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The batches of a stream.
pub(super) struct Batches<R> {
    messages: Messages<Begun<R>>,
    pub(super) schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl<R: Read> Batches<R> {
    fn open(mut messages: Messages<Begun<R>>) -> Result<Self, String> {
        let first = messages.next()?.ok_or("it has no schema")?;
        let schema = schema(&first)?;
        Ok(Self { messages, schema, dictionaries: HashMap::new() })
    }

    /// A batch; `None` for a message that is none.
    fn batch(&mut self, mut message: Message) -> Result<Option<RecordBatch>, String> {
        message.check_buffers(self.messages.most())?;
        let body = mem::take(&mut message.body).into();
        let header = message.header()?;
        let version = header.version();
        let (schema, known) = (self.schema.clone(), &mut self.dictionaries);
        if let Some(batch) = header.header_as_record_batch() {
            let batch = read_record_batch(&body, batch, schema, known, None, &version);
            batch.map(Some).map_err(|error| error.to_string())
        } else if let Some(dictionary) = header.header_as_dictionary_batch() {
            let read = read_dictionary(&body, dictionary, &schema, known, &version);
            read.map(|()| None).map_err(|error| error.to_string())
        } else {
            Err(format!("it holds a message {:?}, expected a batch", header.header_type()))
        }
    }
}

fn schema(message: &Message) -> Result<SchemaRef, String> {
    let header = message.header()?;
    let schema = header.header_as_schema().ok_or("it does not begin with a schema")?;
    try_fb_to_schema(schema).map(Arc::new).map_err(|error| error.to_string())
}

impl<R: Read> Iterator for Batches<R> {
    type Item = Result<RecordBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let message = self.messages.next().transpose()?;
            match message.and_then(|message| self.batch(message)) {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Err(reason) => return Some(Err(reason)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int8Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch};
    use arrow_ipc::writer::{FileWriter, StreamWriter};

    use super::super::Cell;
    use super::super::tests::{fixture, read_bytes};

    /// 1500 rows of numbers and texts.
    fn batch(from: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 1500));
        let texts: DictionaryArray<Int8Type> = (0..1500).map(|_| Some("a")).collect();
        RecordBatch::try_from_iter([("n", numbers), ("t", Arc::new(texts))]).unwrap()
    }

    fn stream() -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        writer.write(&batch(0)).unwrap();
        writer.write(&batch(1500)).unwrap();
        writer.into_inner().unwrap()
    }

    fn file() -> Vec<u8> {
        let mut writer = FileWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        writer.write(&batch(0)).unwrap();
        writer.write(&batch(1500)).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn files_and_streams_are_told_apart_by_their_first_bytes() {
        let row = |row| vec![Cell::Whole(row), Cell::Text("a".into())];
        let expected: Vec<Vec<Cell>> = (0..3000).map(row).collect();
        for name in ["a.arrow", "a.feather", "a.ipc"] {
            for bytes in [stream(), file()] {
                assert_eq!(read_bytes(name, &bytes), Ok(expected.clone()));
            }
        }
    }

    #[test]
    fn a_stream_need_not_say_that_it_ends() {
        let stream = stream();
        assert_eq!(read_bytes("a.arrow", &stream[..stream.len() - 8]).unwrap().len(), 3000);
    }

    #[test]
    fn a_stream_that_was_cut_names_the_row() {
        let stream = stream();
        let message = read_bytes("a.arrow", &stream[..stream.len() - 100]).unwrap_err();
        assert_eq!(message, "row 1500: it ends too early");
        let message = read_bytes("a.arrow", &stream[..20]).unwrap_err();
        assert!(message.starts_with("it is no whole Arrow: "), "{message}");
    }

    #[test]
    fn a_file_that_was_cut_is_no_whole_arrow() {
        let whole = std::fs::read(fixture("evaluation.arrow")).unwrap();
        for length in [6, 8, 20, whole.len() / 2, whole.len() - 1] {
            let message = read_bytes("a.arrow", &whole[..length]).unwrap_err();
            assert!(message.starts_with("it is no whole Arrow: "), "{length}: {message}");
        }
        for other in [&b"a,b\n1,2\n"[..], b"FEA1\0\0\0\0"] {
            let message = read_bytes("a.arrow", other).unwrap_err();
            assert!(message.starts_with("it is "), "{message}");
        }
    }

    #[test]
    fn damage_ends_no_process() {
        let whole = std::fs::read(fixture("evaluation.arrow")).unwrap();
        // Any eight bytes may be a length.
        for at in (8..whole.len() - 8).step_by(4) {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&(1i64 << 48).to_le_bytes());
            let _ = read_bytes("a.arrow", &bytes);
        }
    }

    #[test]
    fn a_compression_that_is_not_there_is_named() {
        let bytes = std::fs::read(fixture("evaluation_zstd.arrow")).unwrap();
        assert_eq!(
            read_bytes("a.arrow", &bytes).unwrap_err(),
            "row 0: it is compressed with Zstandard, expected LZ4 or no compression"
        );
    }
}
