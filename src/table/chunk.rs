//! Some rows of a file, by columns.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;

use super::Cell;

/// Rows that are read, run and written together.
#[derive(Debug)]
pub struct Chunk {
    pub(super) rows: usize,
    /// In the order of the file's columns.
    pub(super) columns: Vec<Column>,
    /// Rows that are no rows, ascending, and why; their cells are missing or of no use.
    pub damaged: Vec<(usize, String)>,
}

#[derive(Debug, Clone)]
pub(super) enum Column {
    /// This column of a text.
    Text(Arc<Texts>, usize),
    Cells(Vec<Cell>),
    Array(ArrayRef),
}

/// Cells of a text, all columns of it.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) text: String,
    /// Where each cell stands, row by row.
    pub(super) spans: Vec<(u32, u32)>,
    pub(super) width: usize,
}

impl Texts {
    #[inline]
    pub(super) fn span(&self, row: usize, column: usize) -> Range<usize> {
        let (start, end) = self.spans[row * self.width + column];
        start as usize..end as usize
    }

    #[inline]
    pub(super) fn get(&self, row: usize, column: usize) -> &str {
        &self.text[self.span(row, column)]
    }
}

impl Chunk {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }
}
