//! What is wrong with rows, as a file that says it.

use super::error::Error;
use crate::table::{ColumnType, Encoder, Heading, Kind, Segment, Values};

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reject {
    /// The place of its piece in the task.
    pub(super) piece: usize,
    /// In the piece.
    pub(super) row: usize,
    /// Of the file or of the model; empty if it is the row as a whole.
    pub(super) column: String,
    pub(super) code: String,
    pub(super) expected: String,
    /// Only where the contract allows it.
    pub(super) value: Option<String>,
}

pub(super) const COLUMNS: [&str; 6] = ["file", "row", "column", "code", "expected", "value"];

pub(super) fn encoder(kind: Kind) -> Encoder {
    let text = ColumnType::text;
    let kinds =
        [text(), ColumnType::of(crate::tensor::DataType::Int64), text(), text(), text(), text()];
    let headings: Vec<Heading> = COLUMNS
        .iter()
        .zip(kinds)
        .map(|(name, kind)| Heading { name: (*name).to_owned(), kind })
        .collect();
    Encoder::new(kind, &headings)
}

/// Rejects with the file and the row there of each.
pub(super) fn segment(
    encoder: &Encoder,
    rejects: &[Reject],
    place: impl Fn(&Reject) -> (String, u64),
) -> Result<Segment, Error> {
    let places: Vec<(String, u64)> = rejects.iter().map(place).collect();
    let texts =
        |of: &dyn Fn(&Reject) -> &str| Values::texts(rejects.iter().map(|reject| Some(of(reject))));
    let columns = vec![
        Values::texts(places.iter().map(|(file, _)| Some(file.as_str()))),
        Values::wholes(places.iter().map(|(_, row)| i64::try_from(*row).unwrap_or(i64::MAX))),
        texts(&|reject| &reject.column),
        texts(&|reject| &reject.code),
        texts(&|reject| &reject.expected),
        Values::texts(rejects.iter().map(|reject| reject.value.as_deref())),
    ];
    encoder.segment(columns).map_err(Error::Internal)
}
