//! Whether today's data still looks like that of the training: counts of what goes into a model
//! and of what comes out of it, in bins that the reference fixed once, and the distances that
//! follow from them.
//!
//! Counts add up exactly across threads, windows and replicas. Nothing here refuses a request.

mod binning;
mod blocks;
mod build;
mod categories;
mod column;
mod comparable;
mod diff;
mod distance;
mod file;
mod history;
mod importance;
mod many;
mod metrics;
mod monitor;
mod monitors;
mod observe;
mod outcomes;
mod pace;
mod page;
mod plan;
mod profile;
mod rebin;
mod reference;
mod report;
mod rules;
#[cfg(test)]
mod sample;
mod score;
mod settings;
mod store;
mod tally;
mod verdict;
mod weights;
mod windows;

pub use binning::{Binning, BinsError, Held};
pub use build::{BuildError, Census, LEAST_ROWS, MAX_FEATURES, Order, Survey};
pub use diff::{Bin, Compared, Current, Diff, Holds, NotCompared, Part, Qualities, Side};
pub use file::FileVerdict;
pub use history::{Moment, Span};
pub use importance::{Sample, importances};
pub use monitor::Monitor;
pub use monitors::{Monitors, Prepared, Ticker, now};
pub use outcomes::{Outcomes, OutcomesError, Quality, ScoreBin};
pub use profile::{Bins, Blocks, FORMAT, FeatureProfile, Moments, Profile, Spread};
pub use reference::{Reference, ReferenceError, Watched};
pub use report::{Feature, Report, Window};
pub use rules::{Awaited, LEAST_RULES_WINDOW, RuleFiles, Rules};
pub use score::Scores;
pub use settings::{LEAST_WINDOW, LONGEST_WINDOW, Mode, PROFILE_FILE, Settings};
pub use tally::Tally;
pub use verdict::{Limit, State};
pub use windows::Source;
