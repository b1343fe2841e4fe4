//! CSV with a header: every cell is a text, and the empty ones are missing.

use csv::{Error, ErrorKind, ReaderBuilder, StringRecord};

use super::source::{self, BUFFER, Source};
use super::{Cell, Table};
use crate::tensor::CompactString;

pub(super) fn open(source: Source) -> Result<Table, String> {
    let progress = source.progress();
    let (text, limit) = source.into_text()?;
    let mut reader = ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(text);
    let header = reader.headers().map_err(|error| format!("it is no CSV: {}", reason(error)))?;
    let columns: Vec<String> = header.iter().map(str::to_owned).collect();
    if columns.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut record = StringRecord::new();
    let rows = (0usize..).map_while(move |row| {
        limit.row_begins();
        match reader.read_record(&mut record) {
            Ok(true) => Some(Ok(record.iter().map(cell).collect())),
            Ok(false) => None,
            Err(error) => Some(Err(format!("row {row}: {}", reason(error)))),
        }
    });
    Ok(Table { columns, rows: Box::new(rows), progress })
}

fn cell(text: &str) -> Cell {
    if text.is_empty() { Cell::Missing } else { Cell::Text(CompactString::from(text)) }
}

fn reason(error: Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) => source::unreadable(error),
        ErrorKind::Utf8 { err, .. } => {
            format!("line {line}: cell {} is not UTF-8", err.field() + 1)
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: it has {len} cells, the header has {expected_len}")
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, read_bytes};

    #[test]
    fn a_header_alone_is_a_table_without_rows() {
        assert_eq!(read_bytes("a.csv", b"a,b\n"), Ok(Vec::new()));
        assert_eq!(read_bytes("a.csv", b"\n\n").unwrap_err(), "it is empty");
    }

    #[test]
    fn rows_of_another_length_are_named() {
        assert_eq!(
            read_bytes("a.csv", b"a,b\n1,2\n3\n").unwrap_err(),
            "row 1: line 3: it has 1 cells, the header has 2"
        );
        assert_eq!(
            read_bytes("a.csv", b"a,b\n1,2,3\n").unwrap_err(),
            "row 0: line 2: it has 3 cells, the header has 2"
        );
    }

    #[test]
    fn what_is_not_utf_8_is_named() {
        assert_eq!(
            read_bytes("a.csv", b"a,b\n1,2\n3,\xe9\n").unwrap_err(),
            "row 1: line 3: cell 2 is not UTF-8"
        );
        let message = read_bytes("a.csv", b"a,\xe9\n1,2\n").unwrap_err();
        assert_eq!(message, "it is no CSV: line 1: cell 2 is not UTF-8");
    }

    #[test]
    fn a_compressed_file_is_told_by_its_first_bytes() {
        let message = read_bytes("a.csv", b"\x1f\x8b\x08\x00\x00\x00\x00\x00").unwrap_err();
        assert_eq!(message, "it is compressed with gzip, unpack it first");
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_does_not_fill_the_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        std::fs::write(&path, "a,b\n1,2\n\"3").unwrap();
        // A hole of zeros: it has no blocks on the disk.
        let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        let message = read(&path).unwrap_err();
        assert!(
            message.starts_with("row 1: it cannot be read: a row is longer than 64 MiB"),
            "{message}"
        );
    }
}
