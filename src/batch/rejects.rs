//! What is wrong with rows, as a file that says it.

use super::error::Error;
use crate::table::{ColumnType, Encoder, Heading, Kind, Segment, Values};

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reject {
    /// In the file, from 0.
    pub(super) row: u64,
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

/// Rejects of files.
pub(super) fn segment(
    encoder: &Encoder,
    rejects: &[(String, Vec<Reject>)],
) -> Result<Segment, Error> {
    let all =
        || rejects.iter().flat_map(|(file, rejects)| rejects.iter().map(move |it| (file, it)));
    let texts = |of: fn(&Reject) -> &str| Values::texts(all().map(|(_, reject)| Some(of(reject))));
    let columns = vec![
        Values::texts(all().map(|(file, _)| Some(file.as_str()))),
        Values::wholes(all().map(|(_, reject)| i64::try_from(reject.row).unwrap_or(i64::MAX))),
        texts(|reject| &reject.column),
        texts(|reject| &reject.code),
        texts(|reject| &reject.expected),
        Values::texts(all().map(|(_, reject)| reject.value.as_deref())),
    ];
    encoder.segment(columns).map_err(Error::Internal)
}
