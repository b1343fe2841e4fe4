//! What was made of pieces that follow each other.

use super::rejects::Reject;
use super::totals::Totals;
use crate::table::{Encoder, Segment, Values};

/// Pieces that were done.
#[derive(Default)]
pub(super) struct Part {
    /// The last file, and the rows of it: from the first to before this one.
    pub(super) file: String,
    pub(super) rows: (u64, u64),
    pub(super) encoded: Encoded,
    pub(super) rejects: Vec<(String, Vec<Reject>)>,
    pub(super) totals: Totals,
}

/// Their rows of the output.
#[derive(Default)]
pub(super) struct Encoded {
    /// By piece.
    pub(super) columns: Vec<Vec<Values>>,
    /// Or as the texts that are written of several, while they are in the core's cache.
    pub(super) texts: Vec<Vec<u8>>,
}

/// Why rows are not encoded.
pub(super) enum Trouble {
    /// A value has no form in the format.
    Value(String),
    /// It is nobody's but the program's.
    Own(String),
}

impl Encoded {
    /// Makes a text of the columns, if the output is one.
    pub(super) fn encode(&mut self, encoder: &Encoder) -> Result<(), Trouble> {
        if encoder.is_text() && !self.columns.is_empty() {
            let text = encoder.text(self.joined()?).map_err(Trouble::Value)?;
            self.texts.push(text);
        }
        Ok(())
    }

    pub(super) fn segment(mut self, encoder: &Encoder) -> Result<Segment, Trouble> {
        let segment = match self.texts.as_mut_slice() {
            [] => encoder.segment(self.joined()?),
            [only] => encoder.segment_of(std::mem::take(only)),
            texts => encoder.segment_of(texts.concat()),
        };
        segment.map_err(Trouble::Value)
    }

    /// Columns of pieces, joined column by column.
    fn joined(&mut self) -> Result<Vec<Values>, Trouble> {
        let mut pieces = std::mem::take(&mut self.columns);
        if pieces.len() == 1 {
            return Ok(pieces.remove(0));
        }
        let count = pieces.first().map_or(0, Vec::len);
        let column = |at: usize| {
            let parts: Vec<Values> = pieces.iter().map(|piece| piece[at].clone()).collect();
            Values::join(&parts).map_err(Trouble::Own)
        };
        (0..count).map(column).collect()
    }
}

impl Part {
    /// The next piece is of this file, and of these rows of it.
    pub(super) fn reaches(&mut self, file: &str, (first, end): (u64, u64)) {
        if self.file != file {
            (self.file, self.rows.0) = (file.to_owned(), first);
        }
        self.rows.1 = end;
    }

    /// Adds the pieces that follow.
    pub(super) fn add(&mut self, more: Self) {
        self.reaches(&more.file, more.rows);
        self.encoded.columns.extend(more.encoded.columns);
        self.encoded.texts.extend(more.encoded.texts);
        self.rejects.extend(more.rejects);
        self.totals.add(&more.totals);
    }
}
