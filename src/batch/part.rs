//! What was made of pieces that follow each other.

use super::rejects::Reject;
use super::totals::Totals;
use crate::table::Values;

/// Pieces that were done.
#[derive(Default)]
pub(super) struct Part {
    /// The last file, and the rows of it: from the first to before this one.
    pub(super) file: String,
    pub(super) rows: (u64, u64),
    /// By piece.
    pub(super) columns: Vec<Vec<Values>>,
    pub(super) rejects: Vec<(String, Vec<Reject>)>,
    pub(super) totals: Totals,
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
        self.columns.extend(more.columns);
        self.rejects.extend(more.rejects);
        self.totals.add(&more.totals);
    }
}
