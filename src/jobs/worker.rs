//! The threads that run jobs, one job after the other, behind all that serves.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::allowed::Allowed;
use super::board::{Board, End};
use super::entry::{Entry, Watch};
use super::record::Began;
use crate::batch::{self, Live, Model as _, Outcome, Plan, Run, Summary};
use crate::courtesy::{Loading, step_back};
use crate::drift::{FileVerdict, Reference};
use crate::engine::guard;
use crate::predict::{self, Predictor, Target};
use crate::registry::LiveModel;
use crate::store::Stores;

/// Between two looks at a model that is loading, and at jobs that another server has.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(super) struct Worker {
    pub(super) board: Arc<Board>,
    pub(super) allowed: Arc<Allowed>,
    pub(super) predictor: Predictor,
    pub(super) stores: Stores,
    pub(super) threads: usize,
    pub(super) manner: Arc<Loading>,
}

impl Worker {
    /// Runs jobs until there are to be no more.
    pub(super) fn run(self) {
        // Threads that this one begins are like it.
        step_back();
        while let Some(entry) = self.board.next() {
            let started = Instant::now();
            tracing::info!(job.id = entry.id, "a job begins");
            let attempt = || self.manner.run(|| self.attempt(&entry, started));
            let end = guard::catch(attempt).unwrap_or_else(|caught| {
                tracing::error!(job.id = entry.id, reason = caught.0, "a job broke off");
                End::Failed("internal error".to_owned())
            });
            match &end {
                End::Succeeded(summary) => {
                    tracing::info!(
                        job.id = entry.id,
                        rows = summary.rows,
                        bad = summary.bad,
                        "a job is done"
                    );
                }
                End::Drifted(_, reason) => {
                    tracing::warn!(
                        job.id = entry.id,
                        reason,
                        "a job is done, and its data drifted"
                    );
                }
                // It is logged where all of the reason is known.
                End::Failed(_) => {}
                End::Stopped => tracing::info!(job.id = entry.id, "a job was stopped"),
            }
            let has_succeeded = matches!(end, End::Succeeded(_));
            self.board.ended(&entry, end, started.elapsed());
            if has_succeeded {
                // Not before it is noted: a crash between the two would do all of it again.
                let _ = batch::remove(&self.board.store.work(&entry.id));
            }
        }
    }

    /// Takes jobs over as soon as no other server has them, and tells whether that happened.
    pub(super) fn take_over(&self) -> bool {
        loop {
            match self.board.take_over() {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = %error, "the jobs of earlier cannot be read");
                    return false;
                }
            }
            if self.board.pause(LOOK) {
                return false;
            }
        }
    }

    fn attempt(&self, entry: &Entry, started: Instant) -> End {
        let (outcome, reference) = match self.outcome(entry) {
            Ok(done) => done,
            Err(_) if entry.is_stopped() => return End::Stopped,
            Err(reason) => {
                // Whoever asked for it is told; nothing is wrong with the server.
                tracing::info!(job.id = entry.id, reason, "a job failed");
                return End::Failed(self.shown(entry, &reason));
            }
        };
        let shown = |name: &str| self.allowed.shown(name);
        let seconds = started.elapsed().as_secs_f64();
        let mut summary = Summary::new(outcome, reference.as_ref(), seconds, shown);
        let judged = summary.check_drift();
        summary.drift = summary.drift.map(FileVerdict::brief);
        match judged {
            Err(reason) if entry.record().request.job.fail_on_drift => {
                End::Drifted(Box::new(summary), reason)
            }
            _ => End::Succeeded(Box::new(summary)),
        }
    }

    /// A reason without the paths that callers need not know.
    fn shown(&self, entry: &Entry, reason: &str) -> String {
        let work = self.board.store.work(&entry.id).display().to_string();
        let reason = reason.replace(&format!("{work}/"), "").replace(&work, "its work directory");
        self.allowed.shown(&reason)
    }

    /// What was done, and what the data is to be held against.
    fn outcome(&self, entry: &Entry) -> Result<(Outcome, Option<Reference>), String> {
        let request = entry.record().request.clone();
        // What was allowed when it was asked for may not be any more.
        let job = self.allowed.job(&request.job)?;
        let live = self.model(entry)?;
        let plan = Plan::new(&job, &self.stores).map_err(|error| error.to_string())?;
        self.check(&plan)?;
        let directory = self.board.store.work(&entry.id);
        let began = Began { version: live.version, sha256: live.lineage.sha256.clone() };
        if self.board.began(entry, began) {
            self.begin_anew(entry, "the model is another one");
        }
        // A task may take minutes; who cancels should not wait for it.
        let is_stopped = || entry.is_stopped();
        let model = Live::new(live, &self.manner, &is_stopped);
        if job.fail_on_drift && model.reference().is_none() {
            let name = &request.model;
            return Err(format!(
                "fail_on_drift: expected a model with a reference profile, '{name}' has none"
            ));
        }
        let run = Run {
            job: &job,
            plan: &plan,
            model: &model,
            stores: &self.stores,
            threads: self.threads,
            directory,
            resume: true,
            watcher: &Watch { entry, metrics: &self.board.metrics },
        };
        let outcome = match run.run() {
            Err(batch::Error::Changed { what, .. }) => {
                self.begin_anew(entry, &what);
                run.run()
            }
            other => other,
        };
        let outcome = outcome.map_err(|error| error.to_string())?;
        Ok((outcome, model.reference().cloned()))
    }

    /// The outputs have no names before the job is done, so nothing of what was done need stay.
    fn begin_anew(&self, entry: &Entry, reason: &str) {
        tracing::info!(job.id = entry.id, reason, "a job begins anew");
        let _ = fs::remove_dir_all(self.board.store.work(&entry.id));
        entry.begins_anew();
    }

    /// Whether what patterns find, and what is written, may be had.
    fn check(&self, plan: &Plan) -> Result<(), String> {
        plan.inputs().chain(plan.outputs()).try_for_each(|name| self.allowed.check(name))
    }

    /// The model of the job, once it is loaded: the one that it was begun with, if that is still
    /// served.
    fn model(&self, entry: &Entry) -> Result<Arc<LiveModel>, String> {
        let request = entry.record().request.clone();
        let name = request.model.as_str();
        let began = entry.began().map(|began| (began.version.to_string(), began.sha256));
        loop {
            if entry.is_stopped() {
                return Err("it was stopped".to_owned());
            }
            let resolve = |version, key| {
                let found = self.predictor.resolve(Target { model: name, version, key });
                match found {
                    Err(predict::Error::NotReady { loading: true, .. }) => None,
                    found => Some(found),
                }
            };
            let same = began.as_ref().map(|(version, sha256)| {
                resolve(Some(version), None)
                    .map(|found| found.ok().filter(|live| live.lineage.sha256 == *sha256))
            });
            match same {
                Some(Some(Some(live))) => return Ok(live),
                // It is loading.
                Some(None) => {}
                // One job asks one version, where several share the requests.
                None | Some(Some(None)) => {
                    if let Some(found) = resolve(request.version.as_deref(), Some(&entry.id)) {
                        return found.map_err(|error| error.to_string());
                    }
                }
            }
            let registry = self.predictor.registry();
            if registry.snapshot().models.get(name).is_some_and(|model| model.dormant) {
                registry.wake(name);
            }
            thread::sleep(LOOK);
        }
    }
}
