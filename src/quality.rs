//! How good predictions were, once their truth is known, and how good they think they are before.
//!
//! A prediction can carry a token that says what was predicted; who learns the truth sends both
//! back, to any replica. Nothing is stored for that.

mod board;
mod feedback;
mod metrics;
mod report;
mod settings;
mod tally;
mod target;
mod token;
mod watcher;

pub use board::{Board, Watched};
pub use feedback::{Fate, Feedback, Named};
pub use report::{Realised, Report};
pub use settings::{About, Settings};
pub use target::{Target, TargetError, Truth};
pub use token::{Key, MAX_ROWS, Prediction};
pub use watcher::Watcher;
