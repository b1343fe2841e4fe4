//! Arrow IPC, as a file or as a stream; one batch of it is in memory at a time.

use std::io::{BufRead, BufReader};

use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;

use super::source::{self, BUFFER, Source};
use super::{Table, batches};

const FILE: &[u8] = b"ARROW1";
const STREAM: &[u8] = &[0xff; 4];
/// The first version of Feather was another format.
const OLD_FEATHER: &[u8] = b"FEA1";

pub(super) fn open(source: Source) -> Result<Table, String> {
    let progress = source.progress();
    let mut reader = BufReader::with_capacity(BUFFER, source);
    let head = reader.fill_buf().map_err(source::unreadable)?;
    if head.starts_with(FILE) {
        let reader = FileReader::try_new(reader, None).map_err(broken)?;
        // Its end was read first.
        progress.restart();
        Ok(batches::table(&reader.schema(), reader, progress))
    } else if head.starts_with(STREAM) {
        let reader = StreamReader::try_new(reader, None).map_err(broken)?;
        Ok(batches::table(&reader.schema(), reader, progress))
    } else if head.starts_with(OLD_FEATHER) {
        Err("it is Feather of version 1, expected version 2, which is an Arrow file".to_owned())
    } else {
        Err("it is no Arrow: it begins neither as a file nor as a stream".to_owned())
    }
}

fn broken(error: ArrowError) -> String {
    format!("it is no whole Arrow: {}", batches::reason(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch};
    use arrow_ipc::writer::StreamWriter;

    use super::super::Cell;
    use super::super::tests::{fixture, read_bytes};

    /// Two batches of 1500 rows.
    fn stream() -> Vec<u8> {
        let numbers = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 1500)) as _;
        let batches =
            [0, 1500].map(|from| RecordBatch::try_from_iter([("n", numbers(from))]).unwrap());
        let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_stream_is_read_like_a_file() {
        for name in ["a.arrow", "a.feather", "a.ipc"] {
            let rows = read_bytes(name, &stream()).unwrap();
            let expected: Vec<Vec<Cell>> = (0..3000).map(|row| vec![Cell::Whole(row)]).collect();
            assert_eq!(rows, expected);
        }
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
    fn a_compression_that_is_not_there_is_named() {
        let bytes = std::fs::read(fixture("evaluation_zstd.arrow")).unwrap();
        assert_eq!(
            read_bytes("a.arrow", &bytes).unwrap_err(),
            "row 0: it is compressed with Zstandard, expected LZ4 or no compression"
        );
    }
}
