//! Why a job ends without its outputs.

/// Messages are for whoever asked for the job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be: nothing was begun.
    #[error("{0}")]
    Asked(String),
    /// What an earlier run has left cannot be gone on with.
    #[error("{directory} cannot be gone on with: {what}; remove it to begin anew")]
    Changed { directory: String, what: String },
    /// A file cannot be read, or is not what it should be.
    #[error("{file}: {reason}")]
    Input { file: String, reason: String },
    /// A row is wrong, and wrong rows end the job.
    #[error("{file}: row {row}: column '{column}': {code}, expected {expected}")]
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
