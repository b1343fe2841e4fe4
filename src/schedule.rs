//! Predictions that come back: which runs a schedule has, what they are called, and which of
//! them are to be started now.
//!
//! All of it is without a clock, a disk or a job: [`decide`] is a function of the schedules,
//! the [`State`] and an instant. Whoever has the clock asks it, starts what it says, keeps the
//! state, and reports with [`State::finished`] how a run ended.

mod cron;
mod dealt;
mod decide;
mod job;
mod read;
mod state;
mod template;
mod wall;

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

pub use decide::{Action, Decision, LONGEST_SLEEP, ON_TIME, SkipReason, decide};
pub use job::Job;
pub use read::{KEYS, Mistakes, read};
pub use state::{Ended, Failure, Outcome, Progress, Retry, Running, State, Success};
pub use template::{RenderError, Template, TemplateError, Values};
use wall::WallClock;

/// One `[[schedule]]`, checked.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Letters, digits, `.`, `_` and `-`; no two are equal.
    pub name: String,
    /// The cron text as it was written.
    pub cron: String,
    pub model: String,
    /// A number or a label; none: what requests without a version get.
    pub version: Option<String>,
    /// At least one.
    pub input: Vec<Template>,
    pub output: Template,
    /// The keys that belong to the job.
    pub job: Job,
    pub on_failure: OnFailure,
    pub missed: Missed,
    pub overlap: Overlap,
    /// A run that could not begin within this time of its time is skipped.
    pub start_within: Option<Duration>,
    clock: WallClock,
}

/// What follows a run that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnFailure {
    /// Further attempts after the first.
    pub retries: u32,
    /// From the end of an attempt to the next.
    pub wait: Duration,
}

/// What happens to runs whose time passed while nobody looked: the server was down, the
/// machine slept, or the clock was set forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    #[default]
    Skip,
    /// The latest of them runs.
    Run,
}

/// What happens to a run whose time comes while the one before has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    #[default]
    Skip,
    /// It runs after it.
    Queue,
}

/// The texts of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub input: Vec<String>,
    pub output: String,
    pub job: toml::Table,
}

impl Schedule {
    pub fn time_zone(&self) -> &TimeZone {
        &self.clock.zone
    }

    /// The first run later than this instant; none only past the year 9900.
    pub fn next_after(&self, instant: Timestamp) -> Option<Zoned> {
        self.clock.next_after(instant).map(|at| at.to_zoned(self.clock.zone.clone()))
    }

    /// The local date that a run is for. It is the date of its time, but where the clock skipped
    /// over the time and into the next day.
    pub fn date_of(&self, run: Timestamp) -> Date {
        self.clock.date_of(run)
    }

    /// What a run reads and writes. It depends on the scheduled time only, so that retries and
    /// late runs have the same files.
    ///
    /// # Errors
    /// [`RenderError`] if a template has no value for the run.
    pub fn request(&self, run: Timestamp) -> Result<Request, RenderError> {
        let values = Values {
            model: &self.model,
            schedule: &self.name,
            date: self.date_of(run),
            time: run.to_zoned(self.clock.zone.clone()),
        };
        let input: Result<Vec<String>, RenderError> =
            self.input.iter().map(|template| template.render(&values)).collect();
        Ok(Request {
            input: input?,
            output: self.output.render(&values)?,
            job: self.job.render(&values)?,
        })
    }
}

#[cfg(test)]
mod tests;
