//! Data contracts: what a model's owner demands of the values of requests and of answers.
//!
//! A contract is compiled when its version is loaded, to a flat list of checks over the columns of
//! decoded tensors. Nothing is allocated while nothing is wrong. What refuses a request, and with
//! which status, is decided by those who ask.

mod check;
mod column;
mod compile;
mod demands;
mod document;
mod finder;
mod many;
mod metrics;
mod number;
mod pattern;
mod promote;
mod quarantine;
mod relation;
mod repair;
mod rows;
mod rule;
mod structure;
mod suggest;
mod tables;
mod tally;
mod verdicts;
mod violation;
mod whole;

pub use check::{Contract, Passed};
pub use demands::Demands;
pub use document::{
    CONTRACT_FILE, Document, FeatureRule, Line, Mode, Operator, OutputRule, Relation, Required,
    RowRule, Scalar,
};
pub use metrics::Metrics;
pub use number::Number;
pub use promote::{Counted, Decision, Observed, Policy, Promotion, PromotionError};
pub use suggest::{SUGGESTED_FILE, Suggested, Suggestion};
pub use tally::{EntryReport, Report};
pub use verdicts::{BadRow, RowVerdicts};
pub use violation::{Code, Refusal, Violation};
