//! What is remembered of schedules: across looks, and in a file across restarts.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Schedule;
use super::dealt::Dealt;

/// Of each schedule by name, how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    pub(super) schedules: BTreeMap<String, Progress>,
}

/// How far one schedule is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    pub(super) dealt: Dealt,
    pub running: Option<Running>,
    pub retry: Option<Retry>,
    /// Runs that wait for the one before, oldest first.
    #[serde(default)]
    pub queue: VecDeque<Timestamp>,
    pub last_success: Option<Success>,
    pub last_failure: Option<Failure>,
}

/// A run under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub scheduled_for: Timestamp,
    /// Counted from 1.
    pub attempt: u32,
    pub since: Timestamp,
}

/// A run that failed and is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub scheduled_for: Timestamp,
    /// The one to come.
    pub attempt: u32,
    pub at: Timestamp,
}

/// The last run that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    pub scheduled_for: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    pub attempts: u32,
}

/// The last attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub scheduled_for: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// How many the run had until then.
    pub attempts: u32,
    pub reason: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed(String),
}

/// What the end of an attempt means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Succeeded,
    /// It is tried again.
    Retries(Retry),
    /// That was the last attempt.
    Failed,
    /// No run of this schedule was under way, so nothing changed.
    NotRunning,
}

impl State {
    /// How far a schedule is; none before the first look.
    pub fn progress(&self, schedule: &str) -> Option<&Progress> {
        self.schedules.get(schedule)
    }

    /// Takes in how the run under way of a schedule ended. Ask [`super::decide`] afterwards.
    pub fn finished(&mut self, schedule: &Schedule, outcome: Outcome, now: Timestamp) -> Ended {
        let Some(progress) = self.schedules.get_mut(&schedule.name) else {
            return Ended::NotRunning;
        };
        let Some(Running { scheduled_for, attempt, .. }) = progress.running.take() else {
            return Ended::NotRunning;
        };
        let reason = match outcome {
            Outcome::Succeeded => {
                progress.last_success = Some(Success { scheduled_for, at: now, attempts: attempt });
                return Ended::Succeeded;
            }
            Outcome::Failed(reason) => reason,
        };
        progress.last_failure = Some(Failure { scheduled_for, at: now, attempts: attempt, reason });
        if attempt > schedule.on_failure.retries {
            return Ended::Failed;
        }
        let at = later(now, schedule.on_failure.wait);
        let retry = Retry { scheduled_for, attempt: attempt.saturating_add(1), at };
        progress.retry = Some(retry);
        Ended::Retries(retry)
    }

    /// To be called once with a state that was read from a file: what was under way then ended
    /// with the server, which counts as a failed attempt.
    pub fn interrupted(&mut self, schedules: &[Schedule], now: Timestamp) -> Vec<(String, Ended)> {
        let mut ended = Vec::new();
        for schedule in schedules {
            let running = self.progress(&schedule.name).is_some_and(|it| it.running.is_some());
            if running {
                let outcome = Outcome::Failed("the server stopped during the run".to_owned());
                ended.push((schedule.name.clone(), self.finished(schedule, outcome, now)));
            }
        }
        // No server runs what it has no schedule for.
        self.schedules.retain(|_, progress| progress.running.is_none());
        ended
    }
}

impl Progress {
    /// Whether a run has begun and not ended: it runs, waits for another attempt, or in the queue.
    pub fn is_busy(&self) -> bool {
        self.running.is_some() || self.retry.is_some() || !self.queue.is_empty()
    }
}

/// An instant this much later, or the last one that there is.
pub(super) fn later(instant: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    instant.checked_add(wait).unwrap_or(Timestamp::MAX)
}
