//! Predictions of whole files: rows are read, run and written a few thousand at a time, on all
//! cores, in the order of the files, and what was written need never be done again.
//!
//! ```text
//! files -> pieces -> tasks -> (threads: inputs, contract, model, segment) -> parts -> outputs
//! ```
//!
//! One thread cuts files into pieces, several make segments of them, and the one that called
//! appends these in their order and notes it in the journal. Knows of models only what [`Model`]
//! says; who runs them, and with which priority, is the business of others.

mod check;
mod columns;
mod engine;
mod error;
mod files;
mod finished;
mod gather;
mod job;
mod join;
mod journal;
mod live;
mod manifest;
mod merge;
mod model;
mod output;
mod part;
mod pipeline;
mod plan;
mod read;
mod rejects;
mod reopen;
mod run;
mod score;
mod stream;
mod summary;
mod totals;

pub use columns::{Mapped, Mapping};
pub use engine::{rows_at_once, run};
pub use error::Error;
pub use job::{Job, Limit, OnBadRow, Shard};
pub use live::Live;
pub use merge::{Merged, merge};
pub use model::{Failure, Model};
pub use output::remove;
pub use plan::Plan;
pub use run::{Outcome, Output, Progress, Run, Watcher};
pub use stream::{Sink, Stream, Written};
pub use summary::Summary;
pub use totals::Totals;
