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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub scheduled_for: Timestamp,
    /// Counted from 1.
    pub attempt: u32,
    pub since: Timestamp,
    /// What does it; none before it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
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
    /// Somebody wanted it to end, so it is not tried again.
    Cancelled,
    /// Nobody knows, so it is not tried again: it may have been done.
    Lost,
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

    /// Begins a run that somebody asks for, between those of the clock. None if the run before
    /// has not ended.
    pub fn begin(&mut self, schedule: &Schedule, now: Timestamp) -> Option<Running> {
        let progress = self.schedules.entry(schedule.name.clone()).or_default();
        if progress.is_busy() {
            return None;
        }
        let scheduled_for = Timestamp::from_second(now.as_second()).unwrap_or(now);
        progress.running = Some(Running { scheduled_for, attempt: 1, since: now, job: None });
        progress.running.clone()
    }

    /// Takes in how the run under way of a schedule ended. Ask [`super::decide`] afterwards.
    pub fn finished(&mut self, schedule: &Schedule, outcome: Outcome, now: Timestamp) -> Ended {
        let Some(progress) = self.schedules.get_mut(&schedule.name) else {
            return Ended::NotRunning;
        };
        let Some(Running { scheduled_for, attempt, .. }) = progress.running.take() else {
            return Ended::NotRunning;
        };
        let again = matches!(outcome, Outcome::Failed(_)) && attempt <= schedule.on_failure.retries;
        let reason = match outcome {
            Outcome::Succeeded => {
                progress.last_success = Some(Success { scheduled_for, at: now, attempts: attempt });
                return Ended::Succeeded;
            }
            Outcome::Failed(reason) => reason,
            Outcome::Cancelled => "it was cancelled".to_owned(),
            Outcome::Lost => "its job is gone, and how it ended is not known".to_owned(),
        };
        progress.last_failure = Some(Failure { scheduled_for, at: now, attempts: attempt, reason });
        if !again {
            return Ended::Failed;
        }
        let at = later(now, schedule.on_failure.wait);
        let retry = Retry { scheduled_for, attempt: attempt.saturating_add(1), at };
        progress.retry = Some(retry);
        Ended::Retries(retry)
    }

    /// Runs under way with the names of their schedules, also of those that are no more.
    pub fn running(&self) -> Vec<(String, Running)> {
        let running = |(name, progress): (&String, &Progress)| {
            progress.running.clone().map(|running| (name.clone(), running))
        };
        self.schedules.iter().filter_map(running).collect()
    }

    /// Names of schedules and times of runs that need what they have left: those under way, and
    /// those that are tried again.
    pub fn needed(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.schedules.iter().flat_map(|(name, progress)| {
            let running = progress.running.as_ref().map(|running| running.scheduled_for);
            let retry = progress.retry.map(|retry| retry.scheduled_for);
            running.into_iter().chain(retry).map(|time| (name.as_str(), time))
        })
    }

    /// Notes the job of the run under way. Whether that is news.
    pub fn asked(&mut self, schedule: &str, job: &str) -> bool {
        let progress = self.schedules.get_mut(schedule);
        let Some(running) = progress.and_then(|progress| progress.running.as_mut()) else {
            return false;
        };
        let is_news = running.job.as_deref() != Some(job);
        running.job = Some(job.to_owned());
        is_news
    }

    /// Drops what is known of a schedule that is no more.
    pub fn forget(&mut self, schedule: &str) {
        self.schedules.remove(schedule);
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
