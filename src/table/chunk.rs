//! Some rows of a file, by columns.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;

use super::Cell;
use crate::tensor::json::{Decimals, TOGETHER};
use crate::vectors::{self, Wide};

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

    /// What short decimals the cells of a column are, from this row on.
    pub(super) fn numbers(&self, column: usize, row: usize, numbers: &mut [Decimals]) {
        vectors::wide(InColumn { texts: self, column, row, numbers });
    }

    /// Where cells of rows that follow each other begin and end; nowhere if there are not so many.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what looks at them is compiled for vectors")]
    fn stretches(&self, row: usize, column: usize) -> ([u32; TOGETHER], [u32; TOGETHER]) {
        let (mut begun, mut ended) = ([0; TOGETHER], [0; TOGETHER]);
        let rows = (self.begins.len() - row).min(TOGETHER);
        let ends = &self.ends[row * self.width..(row + rows) * self.width];
        for at in 0..rows {
            ended[at] = ends[at * self.width + column];
            let begin = match column.checked_sub(1) {
                None => self.begins[row + at],
                Some(before) => ends[at * self.width + before] + 1,
            };
            // As in `cell`.
            begun[at] = begin.min(ended[at]);
        }
        (begun, ended)
    }

    #[inline]
    pub(super) fn get(&self, row: usize, column: usize) -> &str {
        &self.text[self.span(row, column)]
    }
}

struct InColumn<'a> {
    texts: &'a Texts,
    column: usize,
    row: usize,
    numbers: &'a mut [Decimals],
}

impl Wide for InColumn<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "only so it is compiled for vectors")]
    fn work(self) {
        let Self { texts, column, row, numbers } = self;
        for (at, numbers) in numbers.iter_mut().enumerate() {
            let (begins, ends) = texts.stretches(row + TOGETHER * at, column);
            *numbers = Decimals::read(texts.text.as_bytes(), &begins, &ends);
        }
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
