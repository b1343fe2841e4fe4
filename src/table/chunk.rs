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

/// Cells of a text, all columns of it. Behind each cell stands one character that is no part of it.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) text: String,
    /// Where each row begins.
    pub(super) begins: Vec<u32>,
    /// Where each cell ends, row by row.
    pub(super) ends: Vec<u32>,
    pub(super) width: usize,
}

impl Texts {
    #[inline]
    pub(super) fn span(&self, row: usize, column: usize) -> Range<usize> {
        let at = row * self.width;
        cell(self.begins[row], &self.ends[at..at + self.width], column)
    }

    /// The stretches of a column, row by row.
    #[inline]
    pub(super) fn spans(&self, column: usize) -> impl Iterator<Item = Range<usize>> {
        let rows = self.begins.iter().zip(self.ends.chunks_exact(self.width.max(1)));
        rows.map(move |(begin, ends)| cell(*begin, ends, column))
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

/// The stretch of a cell in a row that begins here and whose cells end there.
#[inline]
fn cell(begin: u32, ends: &[u32], column: usize) -> Range<usize> {
    let end = ends[column] as usize;
    let begin = if column == 0 { begin } else { ends[column - 1] + 1 };
    // Cells of rows that are damaged all end where the text begins.
    (begin as usize).min(end)..end
}
