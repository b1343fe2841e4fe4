//! Schedules become jobs. What is due is decided by a pure function ([`crate::schedule`]); here it
//! is asked, its answer is kept, and jobs do the rest.
//!
//! Each run is one job, which is found again by the time that it is for: after a restart it goes
//! on, and a further attempt goes on where the last one ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::metrics::ScheduleMetrics;
use super::record::{self, Scheduled};
use super::request::Request;
use super::status::Status;
use super::{Jobs, Refused};
use crate::metrics::Registry;
use crate::schedule::{
    Action, Decision, Ended, LONGEST_SLEEP, Outcome, Progress, Running, Schedule, State, decide,
};

/// Between two looks at runs that are under way.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Schedules {
    list: Vec<Schedule>,
    /// None until the jobs are this server's.
    state: Mutex<Option<State>>,
    /// A run has ended since the last look, and the next may begin.
    ended: AtomicBool,
    /// None without schedules.
    metrics: Option<ScheduleMetrics>,
}

/// What callers see of a schedule. Times are those of its zone.
#[derive(Debug, Clone, Serialize)]
pub struct ScheduleStatus {
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub next_run: Option<String>,
    pub running: Option<Run>,
    /// The attempt to come of a run that failed.
    pub retry: Option<Run>,
    /// The last attempt that ended.
    pub last_run: Option<Run>,
    pub last_success: Option<Run>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The time that it is for.
    pub scheduled_for: String,
    /// When it began, is to begin or ended.
    pub at: String,
    pub attempt: u32,
    /// As long as it is known.
    pub job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Schedules {
    pub(super) fn new(list: Vec<Schedule>, registry: &Registry) -> Self {
        let metrics = (!list.is_empty()).then(|| ScheduleMetrics::new(registry));
        Self { list, state: Mutex::default(), ended: AtomicBool::new(false), metrics }
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds now what every run would be refused for.
    pub(super) fn check(&self, jobs: &Jobs) -> Result<(), String> {
        for schedule in &self.list {
            let request = Request::of_schedule(schedule, Timestamp::now());
            let checked = request.and_then(|request| {
                let job = jobs.allowed.job(&request.job)?;
                job.output_kind().map_err(|reason| format!("output: {reason}"))
            });
            checked.map_err(|reason| format!("schedule '{}': {reason}", schedule.name))?;
        }
        Ok(())
    }

    /// Starts what is due, until the server goes down. Without schedules it only sees to runs of
    /// those that there were.
    pub(super) fn run(&self, jobs: &Jobs) {
        while !jobs.board.is_held() {
            if jobs.board.pause(LOOK) {
                return;
            }
        }
        let mut wake = None;
        let mut looked: Option<Instant> = None;
        loop {
            let now = Timestamp::now();
            self.settle(jobs, now);
            let ended = self.ended.swap(false, Ordering::Relaxed);
            let is_due = wake.is_some_and(|wake| wake <= now);
            if ended || is_due || looked.is_none_or(|looked| looked.elapsed() >= LONGEST_SLEEP) {
                looked = Some(Instant::now());
                wake = self.look(jobs, now);
            }
            jobs.board.tidy();
            if self.list.is_empty() && self.is_at_rest() {
                return;
            }
            if jobs.board.pause(LOOK) {
                return;
            }
        }
    }

    /// Starts what is due at an instant. When to look again.
    fn look(&self, jobs: &Jobs, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.lock();
        let state = state.get_or_insert_with(|| remembered(jobs));
        let Decision { actions, wake, state: decided } = decide(&self.list, state, now);
        if *state != decided {
            *state = decided;
            save(jobs, state);
        }
        for action in actions {
            match action {
                Action::Start { schedule, scheduled_for, attempt } => {
                    let Some(schedule) = self.find(&schedule) else { continue };
                    let scheduled_for = scheduled_for.timestamp();
                    let running = Running { scheduled_for, attempt, since: now, job: None };
                    // What refuses it is noted, and the log has it.
                    let _ = start(jobs, state, schedule, &running, now);
                }
                Action::Skip { schedule, scheduled_for, reason, .. } => tracing::warn!(
                    schedule.name = schedule,
                    scheduled_for = rfc3339(&scheduled_for),
                    reason = reason.name(),
                    "a run of a schedule is skipped"
                ),
            }
        }
        self.measure(state, now);
        wake
    }

    /// Notes runs whose jobs have ended. Jobs are kept until then.
    pub(super) fn settle(&self, jobs: &Jobs, now: Timestamp) {
        let mut state = self.lock();
        let state = state.get_or_insert_with(|| remembered(jobs));
        for (name, running) in state.running() {
            let schedule = self.find(&name);
            let outcome = match (&running.job, schedule) {
                (Some(id), _) => match outcome(jobs, id) {
                    Some(outcome) => outcome,
                    None => continue,
                },
                (None, Some(schedule)) => {
                    // The server ended before it could ask for it.
                    let _ = start(jobs, state, schedule, &running, now);
                    continue;
                }
                (None, None) => Outcome::Lost,
            };
            match schedule {
                Some(schedule) => finished(state, schedule, outcome, now),
                // If it comes back one day, it does not begin with a run of today.
                None => state.forget(&name),
            }
            save(jobs, state);
            self.ended.store(true, Ordering::Relaxed);
        }
    }

    fn is_at_rest(&self) -> bool {
        self.lock().as_ref().is_none_or(|state| state.running().is_empty())
    }

    pub(super) fn run_now(&self, jobs: &Jobs, name: &str) -> Result<Status, Refused> {
        let schedule = self.find(name).ok_or_else(|| Refused::UnknownSchedule(name.to_owned()))?;
        if !jobs.board.is_held() {
            return Err(Refused::Held);
        }
        let now = Timestamp::now();
        let mut state = self.lock();
        let state = state.get_or_insert_with(|| remembered(jobs));
        let Some(running) = state.begin(schedule, now) else {
            return Err(Refused::Conflict(format!(
                "the last run of schedule '{name}' has not ended"
            )));
        };
        save(jobs, state);
        let started = start(jobs, state, schedule, &running, now);
        self.measure(state, now);
        started
    }

    pub(super) fn list(&self, jobs: &Jobs) -> Vec<ScheduleStatus> {
        let state = self.lock().clone().unwrap_or_default();
        let now = Timestamp::now();
        let status = |schedule: &Schedule| {
            let progress = state.progress(&schedule.name).cloned().unwrap_or_default();
            ScheduleStatus::new(jobs, schedule, &progress, now)
        };
        self.list.iter().map(status).collect()
    }

    fn find(&self, name: &str) -> Option<&Schedule> {
        self.list.iter().find(|schedule| schedule.name == name)
    }

    fn measure(&self, state: &State, now: Timestamp) {
        let Some(metrics) = &self.metrics else { return };
        for schedule in &self.list {
            let progress = state.progress(&schedule.name);
            let success = progress.and_then(|progress| Some(progress.last_success.as_ref()?.at));
            let failure = progress.and_then(|progress| Some(progress.last_failure.as_ref()?.at));
            let next = schedule.next_after(now).map(|next| next.timestamp());
            metrics.set(&schedule.name, success, next, failure > success);
        }
    }
}

/// Asks for the job of a run, or has it go on.
fn start(
    jobs: &Jobs,
    state: &mut State,
    schedule: &Schedule,
    running: &Running,
    now: Timestamp,
) -> Result<Status, Refused> {
    let started = match job_of(jobs, schedule, running.scheduled_for) {
        Some(job) if matches!(job.state, record::State::Failed | record::State::Cancelled) => {
            jobs.retry(&job.id)
        }
        Some(job) => Ok(job),
        None => {
            let request = Request::of_schedule(schedule, running.scheduled_for);
            request.map_err(Refused::Invalid).and_then(|request| {
                let (name, scheduled_for) = (schedule.name.clone(), running.scheduled_for);
                jobs.accept(request, Some(Scheduled { name, scheduled_for }))
            })
        }
    };
    match &started {
        Ok(job) => {
            if state.asked(&schedule.name, &job.id) {
                save(jobs, state);
            }
            tracing::info!(
                schedule.name = schedule.name,
                job.id = job.id,
                attempt = running.attempt,
                "a run of a schedule begins"
            );
        }
        // The next process does it.
        Err(Refused::ShuttingDown | Refused::Held) => {}
        Err(refused) => {
            finished(state, schedule, Outcome::Failed(refused.to_string()), now);
            save(jobs, state);
        }
    }
    started
}

/// Notes how the run under way ended.
fn finished(state: &mut State, schedule: &Schedule, outcome: Outcome, now: Timestamp) {
    let reason = match &outcome {
        Outcome::Failed(reason) => reason.clone(),
        Outcome::Succeeded | Outcome::Cancelled | Outcome::Lost => String::new(),
    };
    let name = schedule.name.as_str();
    match state.finished(schedule, outcome, now) {
        Ended::Succeeded | Ended::NotRunning => {}
        Ended::Retries(retry) => {
            let at = rfc3339(&zoned(schedule, retry.at));
            tracing::warn!(
                schedule.name = name,
                reason,
                at,
                "a run of a schedule failed and is tried again"
            );
        }
        Ended::Failed => tracing::warn!(schedule.name = name, reason, "a run of a schedule failed"),
    }
}

/// How a job ended; none as long as it goes on.
fn outcome(jobs: &Jobs, id: &str) -> Option<Outcome> {
    let Ok(job) = jobs.find(id) else { return Some(Outcome::Lost) };
    match job.state {
        record::State::Waiting | record::State::Running => None,
        record::State::Succeeded => Some(Outcome::Succeeded),
        record::State::Cancelled => Some(Outcome::Cancelled),
        record::State::Failed => Some(Outcome::Failed(job.error.unwrap_or_default())),
    }
}

/// The job of a run.
fn job_of(jobs: &Jobs, schedule: &Schedule, scheduled_for: Timestamp) -> Option<Status> {
    jobs.board.scheduled(|scheduled| {
        scheduled.name == schedule.name && scheduled.scheduled_for == scheduled_for
    })
}

/// What an earlier process knew. What cannot be read is as good as absent, and the log says so.
fn remembered(jobs: &Jobs) -> State {
    let read = || -> Result<State, String> {
        let text = jobs.board.store.schedules().map_err(|error| error.to_string())?;
        let state = text.map(|text| serde_json::from_slice(&text));
        Ok(state.transpose().map_err(|error| error.to_string())?.unwrap_or_default())
    };
    let state = read().unwrap_or_else(|reason| {
        tracing::warn!(reason, "what schedules have done before is not known");
        State::default()
    });
    jobs.board.awaits(needed(&state));
    state
}

fn needed(state: &State) -> Vec<Scheduled> {
    let run = |(name, scheduled_for): (&str, _)| Scheduled { name: name.to_owned(), scheduled_for };
    state.needed().map(run).collect()
}

fn save(jobs: &Jobs, state: &State) {
    jobs.board.awaits(needed(state));
    if let Err(error) = jobs.board.store.save_schedules(state) {
        tracing::warn!(error = %error, "how far schedules are cannot be saved");
    }
}

fn zoned(schedule: &Schedule, time: Timestamp) -> Zoned {
    time.to_zoned(schedule.time_zone().clone())
}

fn rfc3339(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

impl ScheduleStatus {
    fn new(jobs: &Jobs, schedule: &Schedule, progress: &Progress, now: Timestamp) -> Self {
        let run = |scheduled_for, at, attempt| Run {
            scheduled_for: rfc3339(&zoned(schedule, scheduled_for)),
            at: rfc3339(&zoned(schedule, at)),
            attempt,
            job: job_of(jobs, schedule, scheduled_for).map(|job| job.id),
            outcome: None,
            error: None,
        };
        let running =
            progress.running.as_ref().map(|it| run(it.scheduled_for, it.since, it.attempt));
        let retry = progress.retry.map(|it| run(it.scheduled_for, it.at, it.attempt));
        let success = progress.last_success.map(|it| Run {
            outcome: Some("succeeded"),
            ..run(it.scheduled_for, it.at, it.attempts)
        });
        let failed_last = progress
            .last_failure
            .as_ref()
            .filter(|failure| progress.last_success.is_none_or(|success| success.at < failure.at));
        let failure = failed_last.map(|it| Run {
            outcome: Some("failed"),
            error: Some(it.reason.clone()),
            ..run(it.scheduled_for, it.at, it.attempts)
        });
        let zone = schedule.time_zone();
        Self {
            name: schedule.name.clone(),
            cron: schedule.cron.clone(),
            time_zone: zone.iana_name().map_or_else(|| "UTC".to_owned(), str::to_owned),
            model: schedule.model.clone(),
            version: schedule.version.clone(),
            next_run: schedule.next_after(now).map(|next| rfc3339(&next)),
            running,
            retry,
            last_run: failure.or_else(|| success.clone()),
            last_success: success,
        }
    }
}
