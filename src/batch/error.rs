//! Why a job ends without its outputs.

use std::sync::Arc;

use crate::store;

/// Messages are for whoever asked for the job.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be: nothing was begun.
    #[error("{0}")]
    Asked(String),
    /// What an earlier run has left cannot be gone on with.
    #[error("{directory} cannot be gone on with: {what}; remove it to begin anew")]
    Changed { directory: String, what: String },
    /// It may be free soon.
    #[error("{directory} is being written by another process")]
    Busy { directory: String },
    /// A file cannot be read, or is not what it should be.
    #[error("{file}: {reason}")]
    Input { file: String, reason: String },
    /// The same, said by the store.
    #[error("{0}")]
    Store(Arc<store::Error>),
    /// A row is wrong, and wrong rows end the job.
    #[error("{file}: row {row}: {}", row_text(column, code, expected))]
    Row { file: String, row: u64, column: String, code: String, expected: String },
    /// The model fails, whatever the rows.
    #[error("{file}: rows {first} to {last}: {reason}")]
    Model { file: String, first: u64, last: u64, reason: String },
    /// An output cannot be written.
    #[error("{file}: {reason}")]
    Output { file: String, reason: String },
    /// Too many rows are wrong.
    #[error("{bad} of {rows} rows are bad, at most {limit} may be")]
    TooManyBad { bad: u64, rows: u64, limit: String },
    #[error("the job was cancelled")]
    Cancelled,
    /// A thread broke off, which nothing should make it do.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Text { .. } | store::Error::NoMatch(_) => Self::Asked(error.to_string()),
            other => Self::Store(Arc::new(other)),
        }
    }
}

/// Of a row as a whole, what is wrong with it is said instead of what was expected.
fn row_text(column: &str, code: &str, expected: &str) -> String {
    if column.is_empty() {
        return format!("{code}: {expected}");
    }
    format!("column '{column}': {code}, expected {expected}")
}
