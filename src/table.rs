//! Rows out of data files, one after the other: a file may be larger than memory.
//!
//! A [`Table`] gives cells as the file holds them; [`Rows`] makes the inputs of a model of
//! them. What the columns mean beyond that is up to whoever asked.

mod arrow;
mod batches;
mod cell;
mod chunk;
mod csv;
mod format;
mod inputs;
mod ndjson;
mod parquet;
mod pieces;
mod progress;
mod rows;
mod source;
mod values;
mod write;

use std::fs::File;
use std::path::Path;

pub use cell::{Cell, class};
pub use chunk::Chunk;
pub use format::{Format, Kind, Packing};
pub use inputs::{Wrong, WrongCell};
pub use pieces::{Group, MAX_BYTES, Origin, Piece, Pieces, Position, groups};
pub use progress::Progress;
pub use rows::Rows;
pub use values::{ColumnType, Values};
pub use write::{Encoder, Heading, Joined, Placed, Segment};

use crate::engine::guard::{self, Caught};
use source::Source;

/// The rows of a file; messages name the column or the row. Rows count from 0.
pub struct Table {
    pub columns: Vec<String>,
    /// One cell for each column. After an error there is nothing more of use.
    pub rows: Box<dyn Iterator<Item = Result<Vec<Cell>, String>> + Send>,
    pub progress: Progress,
}

impl Table {
    /// The format is that of the file's extension.
    ///
    /// # Errors
    /// The reason why the file cannot be read; it does not name the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(source::unreadable)?;
        let metadata = file.metadata().map_err(source::unreadable)?;
        if metadata.is_dir() {
            return Err("it is a directory, expected a file".to_owned());
        }
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let open = match extension.to_str() {
            Some("csv") => csv::open,
            Some("ndjson" | "jsonl") => ndjson::open,
            Some("parquet") => parquet::open,
            Some("arrow" | "feather" | "ipc") => arrow::open,
            _ => return Err("expected a file .csv, .ndjson, .parquet or .arrow".to_owned()),
        };
        // Pipes have no length and are not empty for it.
        if metadata.is_file() && metadata.len() == 0 {
            return Err("it is empty".to_owned());
        }
        let source = Source::new(file, metadata.len());
        guard::catch(|| open(source)).unwrap_or_else(|caught| Err(damaged(caught)))
    }

    /// The place of a column.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn position(&self, column: &str) -> Result<usize, String> {
        self.columns.iter().position(|name| name == column).ok_or_else(|| {
            format!("there is no column '{column}', columns are: {}", self.columns.join(", "))
        })
    }
}

/// What a reader of files says that met what it did not expect.
fn damaged(caught: Caught) -> String {
    format!("it is damaged: {}", caught.0)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    pub(super) fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    pub(super) fn read(path: &Path) -> Result<Vec<Vec<Cell>>, String> {
        Table::open(path)?.rows.collect()
    }

    /// All rows of a file of this name and content.
    pub(super) fn read_bytes(name: &str, content: &[u8]) -> Result<Vec<Vec<Cell>>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        read(&path)
    }

    #[test]
    fn all_formats_hold_the_same_table() {
        let expected = [
            [Cell::Text("UA".into()), Cell::Whole(7), Cell::Number(42.5), Cell::Whole(1)],
            [Cell::Text("B6".into()), Cell::Missing, Cell::Missing, Cell::Whole(0)],
            [Cell::Missing, Cell::Whole(23), Cell::Number(-1.25), Cell::Whole(1)],
        ];
        for format in ["csv", "ndjson", "parquet", "arrow"] {
            let path = fixture(&format!("evaluation.{format}"));
            let table = Table::open(&path).unwrap();
            assert_eq!(table.columns, ["carrier", "hour", "temp", "late"], "{format}");
            let rows = read(&path).unwrap();
            if format != "csv" {
                assert_eq!(rows, expected, "{format}");
                continue;
            }
            // There all cells are texts.
            let classes = |row: &[Cell]| row.iter().map(Cell::class).collect::<Vec<_>>();
            let rows: Vec<_> = rows.iter().map(|row| classes(row)).collect();
            assert_eq!(rows, expected.each_ref().map(|row| classes(row)));
        }
    }

    #[test]
    fn progress_ends_at_the_whole() {
        for format in ["csv", "ndjson", "parquet", "arrow"] {
            let table = Table::open(&fixture(&format!("evaluation.{format}"))).unwrap();
            let (mut rows, progress) = (table.rows, table.progress);
            assert_eq!(rows.by_ref().map(Result::unwrap).count(), 3, "{format}");
            assert!(rows.next().is_none(), "{format}");
            assert!(progress.fraction().is_some_and(|part| part >= 1.0), "{format}: {progress:?}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused_with_the_reason() {
        for name in ["a.csv", "a.ndjson", "a.parquet", "a.arrow"] {
            assert_eq!(read_bytes(name, b"").unwrap_err(), "it is empty", "{name}");
        }
        assert_eq!(
            read_bytes("a.xlsx", b"PK").unwrap_err(),
            "expected a file .csv, .ndjson, .parquet or .arrow"
        );
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let message = read(&path).unwrap_err();
        assert!(message.starts_with("it cannot be read: No such file"), "{message}");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(read(&path).unwrap_err(), "it is a directory, expected a file");
    }

    #[test]
    fn a_missing_column_is_named_beside_those_that_exist() {
        let table = Table::open(&fixture("evaluation.arrow")).unwrap();
        assert_eq!(table.position("temp"), Ok(2));
        assert_eq!(
            table.position("wind").unwrap_err(),
            "there is no column 'wind', columns are: carrier, hour, temp, late"
        );
    }
}
