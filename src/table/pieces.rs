//! Files cut into pieces of rows, which other threads make cells of.
//!
//! Cutting is cheap, so that one thread keeps many busy. Where a piece ends follows from the file
//! and from the number of rows that is asked for, and from nothing else: who goes on where
//! somebody else ended gets the same pieces.

mod columnar;
mod csv;
mod csv_cells;
mod lines;
mod origin;
mod pages;
mod parquet;
mod record;
mod unpacked;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, SchemaRef};
use serde::{Deserialize, Serialize};

use super::chunk::{Chunk, Column};
use super::format::{Format, Kind};
use super::{Progress, damaged, ndjson};
use crate::engine::guard;
pub use origin::Origin;
pub use parquet::{Group, groups};

/// Bytes of a piece, about: rows may be wide.
pub const MAX_BYTES: usize = 4 << 20;

/// Cells of a piece: every row of a text has one for each column, be it empty.
const MAX_CELLS: usize = 1 << 20;

/// Columns of a text. A header costs little, and its cells much in every row.
const MAX_COLUMNS: usize = 1 << 16;

/// An open file.
pub struct Pieces {
    columns: Arc<[String]>,
    /// What columns hold, where somebody wants them as they are.
    schema: SchemaRef,
    source: Box<dyn Source>,
    position: Position,
    progress: Progress,
}

/// A place between two rows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Rows before it.
    pub rows: u64,
    /// In a text, its bytes before it, unpacked.
    pub bytes: u64,
}

/// Rows that follow each other.
pub struct Piece {
    /// Rows of the file before it.
    pub first: u64,
    pub rows: usize,
    /// Bytes of memory, about.
    pub bytes: usize,
    content: Content,
}

enum Content {
    /// Records of CSV.
    Csv { bytes: Vec<u8>, columns: Arc<[String]> },
    /// Lines of JSON.
    Lines { bytes: Vec<u8>, columns: Arc<[String]> },
    /// With its bytes, were each row for itself.
    Batch(RecordBatch, usize),
}

/// # Errors
/// There are too many columns.
fn check_width(columns: usize) -> Result<(), String> {
    if columns <= MAX_COLUMNS {
        return Ok(());
    }
    Err(format!("it has {columns} columns, expected at most {MAX_COLUMNS}"))
}

/// Rows of so many columns that are cut together at most.
fn rows_of(columns: usize, most: usize) -> usize {
    most.min((MAX_CELLS / columns.max(1)).max(1))
}

/// What a format has to do.
trait Source: Send {
    /// At most so many rows; `None` at the end.
    fn next(&mut self, most: usize) -> Result<Option<(Content, usize)>, String>;

    /// Bytes of the text up to the last row that was given.
    fn bytes(&self) -> u64;

    /// Goes on at a place that was reported before.
    fn go_to(&mut self, position: Position) -> Result<(), String>;

    /// Nobody will look at other columns. Where these cost nothing they may be given all the same.
    fn need(&mut self, _columns: &[usize]) {}
}

impl Pieces {
    /// # Errors
    /// Why the file cannot be read; without its name.
    pub fn open(kind: Kind, origin: Origin) -> Result<Self, String> {
        if origin.is_empty() {
            return Err("it is empty".to_owned());
        }
        let open = || match kind.format {
            Format::Csv => csv::open(origin, kind.packing),
            Format::Ndjson => lines::open(origin, kind.packing),
            Format::Parquet => parquet::open(origin, None),
            Format::Arrow => columnar::arrow(origin),
        };
        guard::catch(open).unwrap_or_else(|caught| Err(damaged(caught)))
    }

    /// Some row groups of a Parquet file.
    ///
    /// # Errors
    /// As [`Pieces::open`].
    pub fn open_groups(origin: Origin, groups: Range<usize>) -> Result<Self, String> {
        let open = || parquet::open(origin, Some(groups));
        guard::catch(open).unwrap_or_else(|caught| Err(damaged(caught)))
    }

    fn new(schema: SchemaRef, source: Box<dyn Source>, progress: Progress) -> Self {
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { columns, schema, source, position: Position::default(), progress }
    }

    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What a column holds.
    #[must_use]
    pub fn field(&self, column: usize) -> &Field {
        self.schema.field(column)
    }

    /// Whoever says so before the first row need not wait for other columns: their cells may be
    /// missing.
    pub fn need(&mut self, columns: &[usize]) {
        self.source.need(columns);
    }

    /// Rows that follow, at most so many; `None` at the end.
    ///
    /// # Errors
    /// The row and why it cannot be read; nothing of use follows.
    pub fn next(&mut self, most: usize) -> Result<Option<Piece>, String> {
        let first = self.position.rows;
        let next = guard::catch(|| self.source.next(most));
        let next = next.unwrap_or_else(|caught| Err(damaged(caught)));
        let Some((content, rows)) = next.map_err(|reason| format!("row {first}: {reason}"))? else {
            return Ok(None);
        };
        self.position = Position { rows: first + rows as u64, bytes: self.source.bytes() };
        let bytes = match &content {
            Content::Csv { bytes, .. } | Content::Lines { bytes, .. } => bytes.len(),
            Content::Batch(_, bytes) => *bytes,
        };
        Ok(Some(Piece { first, rows, bytes, content }))
    }

    /// Behind the last piece that was given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes on at a place where pieces of this file ended before.
    ///
    /// # Errors
    /// The file is shorter than that, or cannot be read.
    pub fn go_to(&mut self, position: Position) -> Result<(), String> {
        let going = guard::catch(|| self.source.go_to(position));
        going.unwrap_or_else(|caught| Err(damaged(caught)))?;
        self.position = position;
        Ok(())
    }

    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Piece {
    /// Makes cells of it.
    ///
    /// # Errors
    /// The row and why nothing can be made of it and of those that follow.
    pub fn decode(self) -> Result<Chunk, String> {
        let (first, rows) = (self.first, self.rows);
        let decode = || match self.content {
            Content::Csv { bytes, columns } => csv_cells::chunk(bytes, &columns, rows),
            Content::Lines { bytes, columns } => Ok(ndjson::chunk(&bytes, &columns, rows)),
            Content::Batch(batch, _) => {
                let columns = batch.columns().iter().cloned().map(Column::Array).collect();
                Ok(Chunk { rows, columns, damaged: Vec::new() })
            }
        };
        let decoded = guard::catch(decode).unwrap_or_else(|caught| Err(damaged(caught)));
        decoded.map_err(|reason| format!("row {first}: {reason}"))
    }
}
