//! Batch jobs of the server: the same work as `onnxd predict` does, asked for over HTTP or by a
//! schedule, done behind all that serves, and known until it is forgotten. Jobs outlive the
//! process if it has a directory for its state.
//!
//! `Board` is what is known; threads (`worker`) take one job after the other from it.

mod allowed;
mod board;
mod entry;
mod metrics;
mod record;
mod request;
mod schedules;
mod status;
mod store;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::{io, thread};

use jiff::Timestamp;
use tokio::sync::watch;

pub use allowed::prefix;
pub use record::{Scheduled, State};
pub use request::{KEYS, Request};
pub use schedules::ScheduleStatus;
pub use status::{Progress, Status};

use crate::courtesy::Loading;
use crate::metrics::Registry;
use crate::predict::{self, Predictor, Target};
use crate::schedule::Schedule;
use crate::store::{Config as StoreConfig, Stores};
use allowed::Allowed;
use board::Board;
use entry::Entry;
use metrics::Metrics;
use schedules::Schedules;
use store::Store;
use worker::Worker;

/// Settings of jobs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory that jobs may read and write.
    pub root: Option<PathBuf>,
    /// The URLs below which they may, as [`prefix`] makes them.
    pub prefixes: Vec<String>,
    /// Jobs that run at the same time.
    pub at_once: usize,
    /// Jobs that may wait.
    pub queue: usize,
    /// Threads that score, of each job.
    pub threads: usize,
    /// Of one core, what each of them takes while requests keep the process busy.
    pub share: f64,
    /// Jobs that have ended and are still known.
    pub history: usize,
    /// Where jobs outlive the process.
    pub directory: Option<PathBuf>,
    pub schedules: Vec<Schedule>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Model(#[from] predict::Error),
    #[error("there is no job {0}")]
    Unknown(String),
    #[error("there is no schedule '{0}'")]
    UnknownSchedule(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{limit} jobs are waiting, which is the limit")]
    Full { limit: usize },
    #[error("another server with the same state directory still has the jobs")]
    Held,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the job cannot be saved: {0}")]
    Store(String),
}

/// All jobs of a server. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    board: Arc<Board>,
    allowed: Arc<Allowed>,
    predictor: Predictor,
    schedules: Arc<Schedules>,
}

/// Sees a job change.
pub struct Follower {
    entry: Arc<Entry>,
    changed: watch::Receiver<()>,
    running: watch::Receiver<(usize, bool)>,
}

impl Config {
    /// Whether there is any place that a job may have.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.root.is_some() || !self.prefixes.is_empty()
    }
}

impl Jobs {
    /// Starts the threads that run jobs.
    ///
    /// # Errors
    /// A directory cannot be used, or the system refuses a thread.
    pub fn start(
        config: &Config,
        predictor: Predictor,
        metrics: &Registry,
    ) -> Result<Self, String> {
        let allowed = Arc::new(Allowed::new(config.root.as_deref(), &config.prefixes)?);
        let unusable = |error: io::Error| format!("jobs cannot be kept: {error}");
        let store = Store::open(config.directory.as_deref()).map_err(unusable)?;
        let board = Arc::new(Board::new(config, store, Metrics::new(metrics)));
        let worker = Worker {
            board: Arc::clone(&board),
            allowed: Arc::clone(&allowed),
            predictor: predictor.clone(),
            // A place that is allowed must not lead to one that is not.
            stores: Stores::with(StoreConfig { redirects: false, ..StoreConfig::default() }),
            threads: config.threads,
            manner: Loading::patient(config.share),
        };
        let refused = |error: io::Error| format!("cannot start a thread for jobs: {error}");
        // At once where no other server has the jobs: who asks right after the start must find them.
        let is_ours = board.take_over().map_err(unusable)?;
        for _ in 0..config.at_once {
            let worker = worker.clone();
            let thread = thread::Builder::new().name("job".to_owned());
            thread.spawn(move || worker.run()).map_err(refused)?;
        }
        if !is_ours {
            let thread = thread::Builder::new().name("jobs".to_owned());
            thread.spawn(move || worker.take_over()).map_err(refused)?;
        }
        let schedules = Arc::new(Schedules::new(config.schedules.clone(), metrics));
        let jobs = Self { board, allowed, predictor, schedules };
        jobs.schedules.check(&jobs)?;
        let scheduled = jobs.clone();
        let thread = thread::Builder::new().name("schedules".to_owned());
        thread.spawn(move || scheduled.schedules.run(&scheduled)).map_err(refused)?;
        Ok(jobs)
    }

    /// Accepts a job. Writes to the disk.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn submit(&self, request: Request) -> Result<Status, Refused> {
        self.accept(request, None)
    }

    fn accept(&self, request: Request, schedule: Option<Scheduled>) -> Result<Status, Refused> {
        let job = self.allowed.job(&request.job).map_err(Refused::Forbidden)?;
        if job.input.is_empty() {
            return Err(Refused::Invalid("there is no input".to_owned()));
        }
        let kind = job.output_kind();
        kind.map_err(|reason| {
            Refused::Invalid(format!("output: {}", self.allowed.shown(&reason)))
        })?;
        match self.predictor.resolve(Target::new(&request.model, request.version.as_deref())) {
            // The job waits for it.
            Ok(_) | Err(predict::Error::NotReady { loading: true, .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.board.submit(request, schedule).map(|entry| entry.status())
    }

    /// The newest first.
    #[must_use]
    pub fn list(&self, state: Option<State>, most: usize) -> Vec<Status> {
        self.board.list(state, most)
    }

    /// # Errors
    /// There is no such job.
    pub fn find(&self, id: &str) -> Result<Status, Refused> {
        self.board.find(id).map(|entry| entry.status())
    }

    /// Ends a job that waits or runs, or forgets one that has ended; then there is nothing left
    /// of it. Writes to the disk.
    ///
    /// # Errors
    /// There is no such job.
    pub fn cancel(&self, id: &str) -> Result<Option<Status>, Refused> {
        loop {
            if let Some(left) = self.board.cancel(id)? {
                return Ok(Some(left));
            }
            // Before nobody can know it any more, its schedule sees how it ended.
            self.schedules.settle(self, Timestamp::now());
            if self.board.discard(id)? {
                return Ok(None);
            }
        }
    }

    /// Has a job that failed or was cancelled go on where it ended. Writes to the disk.
    ///
    /// # Errors
    /// There is none that could.
    pub fn retry(&self, id: &str) -> Result<Status, Refused> {
        self.board.retry(id)
    }

    /// # Errors
    /// There is no such job.
    pub fn follow(&self, id: &str) -> Result<Follower, Refused> {
        let entry = self.board.find(id)?;
        let mut changed = entry.follow();
        changed.mark_changed();
        Ok(Follower { entry, changed, running: self.board.running() })
    }

    /// Those of the configuration, in its order.
    #[must_use]
    pub fn schedules(&self) -> Vec<ScheduleStatus> {
        self.schedules.list(self)
    }

    /// Runs a schedule now. Writes to the disk.
    ///
    /// # Errors
    /// There is none of this name, its last run has not ended, or the job is not accepted.
    pub fn run_schedule(&self, name: &str) -> Result<Status, Refused> {
        self.schedules.run_now(self, name)
    }

    /// No job begins any more, and those that run end soon: they go on after a restart.
    pub fn stop(&self) {
        self.board.stop();
    }

    /// Waits until no job runs.
    pub async fn idle(&self) {
        // An error means that nothing is left that could run.
        let _ = self.board.running().wait_for(|(running, _)| *running == 0).await;
    }
}

impl Follower {
    /// The job after its next change; none if the server goes down.
    pub async fn next(&mut self) -> Option<Status> {
        tokio::select! {
            biased;
            changed = self.changed.changed() => changed.ok().map(|()| self.entry.status()),
            _ = self.running.wait_for(|(_, stopping)| *stopping) => None,
        }
    }
}
