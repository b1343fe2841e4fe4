//! The thread that owns the registry: it alone replaces the snapshot. It looks at the
//! repository, hears of loads that ended and of what operators want, and works out what
//! follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::admit::Admission;
use super::budget::Budget;
use super::control::{Command, Commands};
use super::desired::{Desired, Store};
use super::fetched::{self, NotFetched};
use super::lifecycle::{Cause, ROLLED_BACK, Ticket};
use super::live::LiveModel;
use super::load::Loader;
use super::metrics::Metrics;
use super::pool::{Finished, Job, Pool};
use super::publish::Publisher;
use super::reconcile::{self, Known, Load};
use super::snapshot::Snapshot;
use super::trial::Trials;
use super::wishes::Waiters;
use super::{Config, Registry};
use crate::drift::Monitors;
use crate::engine::Engine;
use crate::quality::Board;
use crate::repository::{Listing, Repository, Version};
use crate::scheduler::Scheduler;

/// Looks closer together than this would only burn time.
const MIN_POLL: Duration = Duration::from_millis(10);

/// While files are changing the next look comes sooner, so that a swap does not wait for
/// two polls.
const UNSETTLED_POLL: Duration = Duration::from_millis(100);

/// How often fresh versions, idle models and draining versions are looked after.
const TICK: Duration = Duration::from_millis(250);

/// Files that never stand still keep a server from being ready for so long and no longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the registry is made of.
pub struct Parts {
    pub repository: Repository,
    pub engine: Arc<dyn Engine>,
    pub scheduler: Arc<Scheduler>,
    pub metrics: Metrics,
    pub monitors: Monitors,
    pub board: Board,
}

/// Stops the owner's thread when dropped: at once, or after the loads that are under way.
/// Nobody waits for them: a process that ends need not finish loading.
pub struct Owner {
    events: Sender<Event>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.events.send(Event::Stop);
    }
}

pub(super) enum Event {
    Finished(Box<Finished>),
    Command(Command),
    Stop,
}

impl Owner {
    /// Starts the threads; the first look begins at once.
    ///
    /// # Errors
    /// If the system refuses a thread, or the state directory cannot be used.
    pub fn start(config: Config, parts: Parts) -> Result<(Self, Registry), String> {
        let (store, desired) = Store::open(config.state_dir.as_deref())?;
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (events, received) = channel();
        let (change, changed) = watch::channel(());
        let registry = Registry {
            snapshot: Arc::clone(&snapshot),
            metrics: parts.metrics.clone(),
            commands: Commands(events.clone()),
            changed,
        };
        let loader = Arc::new(Loader {
            engine: parts.engine,
            monitors: parts.monitors.clone(),
            verification: parts.repository.verification().clone(),
            budget: Budget::new(config.max_model_memory),
            registry: registry.clone(),
        });
        let no_thread = |error: std::io::Error| format!("cannot start a thread: {error}");
        let pool = Pool::start((config.load_threads, config.load_share), &loader, &events)
            .map_err(no_thread)?;
        let admission = Admission {
            scheduler: parts.scheduler,
            config: config.clone(),
            metrics: parts.metrics.clone(),
            monitors: parts.monitors,
            board: parts.board,
        };
        let mut work = Work {
            repository: parts.repository,
            listing: None,
            admission,
            publisher: Publisher::new(snapshot, change, parts.metrics),
            known: Known::default(),
            desired,
            store,
            config,
            pool,
            draining: Vec::new(),
            trials: Trials::default(),
            waiters: Waiters::default(),
            started: Instant::now(),
            listing_failed: false,
            not_fetched: NotFetched::new(),
        };
        let run = move || work.run(&received);
        thread::Builder::new().name("registry".to_owned()).spawn(run).map_err(no_thread)?;
        Ok((Self { events }, registry))
    }
}

pub(super) struct Work {
    pub(super) repository: Repository,
    /// The last look at the repository.
    pub(super) listing: Option<Listing>,
    pub(super) admission: Admission,
    pub(super) publisher: Publisher,
    pub(super) known: Known,
    pub(super) desired: Desired,
    pub(super) store: Store,
    pub(super) config: Config,
    pool: Pool,
    /// Versions whose last requests are being answered. They are freed here, which may take
    /// milliseconds, and not by the request that happens to be the last.
    draining: Vec<Arc<LiveModel>>,
    pub(super) trials: Trials,
    pub(super) waiters: Waiters,
    started: Instant,
    listing_failed: bool,
    not_fetched: NotFetched,
}

impl Work {
    fn run(&mut self, events: &Receiver<Event>) {
        let mut next_look = Some(Instant::now());
        loop {
            if next_look.is_some_and(|at| at <= Instant::now()) {
                let unsettled = self.look();
                next_look = self.wait(unsettled).map(|wait| Instant::now() + wait.max(MIN_POLL));
            }
            self.tick();
            let until_look = next_look.map(|at| at.saturating_duration_since(Instant::now()));
            let wait = until_look.map_or(TICK, |wait| wait.min(TICK));
            match events.recv_timeout(wait) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Event::Finished(finished)) => {
                    if self.finished(*finished) {
                        next_look = Some(Instant::now());
                    }
                }
                Ok(Event::Command(command)) => {
                    if self.command(command) {
                        next_look = Some(Instant::now());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn wait(&self, unsettled: bool) -> Option<Duration> {
        match (unsettled, self.config.poll) {
            (true, poll) => Some(UNSETTLED_POLL.min(poll.unwrap_or(UNSETTLED_POLL))),
            (false, poll) => poll,
        }
    }

    /// One look at the repository and everything that follows from it. Returns whether
    /// files are still changing.
    fn look(&mut self) -> bool {
        match self.repository.list() {
            Ok(listing) => {
                self.listing_failed = false;
                self.listing = Some(listing);
            }
            Err(error) => {
                // Said once, not at every poll; what serves keeps serving.
                if !std::mem::replace(&mut self.listing_failed, true) {
                    tracing::error!(error = %error, "the model repository cannot be read");
                }
            }
        }
        self.act();
        self.listing.as_ref().is_some_and(|listing| listing.unsettled)
    }

    /// Brings what is served closer to what is wanted, as far as can be done now.
    pub(super) fn act(&mut self) {
        self.forget_removed();
        let Some(listing) = &self.listing else { return };
        let mut changes =
            reconcile::changes(listing, &self.known, &self.desired, self.config.control);
        self.trials.keep(listing);
        self.publisher.source_problem(listing.problem.as_deref());
        self.publisher.problems(&changes);
        let not_fetched = fetched::not_fetched(listing);
        for (name, version) in &changes.cancel {
            self.cancel(name, *version);
        }
        for load in std::mem::take(&mut changes.load) {
            self.start(load);
        }
        let snapshot = self.publisher.snapshot();
        let shown = snapshot.models.keys();
        let names: BTreeSet<String> =
            self.known.0.keys().chain(shown).chain(changes.models.keys()).cloned().collect();
        for name in names.iter().filter(|name| !changes.problems.contains_key(*name)) {
            let wanted = changes.models.remove(name).unwrap_or_default();
            self.settle(name, &wanted);
        }
        self.awake();
        self.publisher.not_fetched(&self.not_fetched, &not_fetched);
        self.not_fetched = not_fetched;
        self.publish_completeness();
        if let Err(reason) = self.store.write(&self.desired) {
            tracing::error!(reason, "what was asked for will not outlive this process");
        }
        let snapshot = self.publisher.snapshot();
        let failed = self.waiters.settle(&self.known, &snapshot, self.listing.as_ref());
        self.leave_in_service(failed);
    }

    fn cancel(&mut self, name: &str, version: Version) {
        let attempt = self.known.0.get_mut(name).and_then(|versions| versions.get_mut(&version));
        if let Some(ticket) = attempt.and_then(|attempt| attempt.loading.take()) {
            ticket.cancel();
            self.cancelled(name, version);
        }
    }

    /// A version on its way is not wanted as it is.
    fn cancelled(&mut self, name: &str, version: Version) {
        self.publisher.superseded(name, version);
        // If it is wanted again, it starts from the beginning.
        if let Some(versions) = self.known.0.get_mut(name) {
            versions.retain(|v, attempt| *v != version || attempt.live);
            if let Some(attempt) = versions.get_mut(&version) {
                attempt.tried = attempt.serves.clone();
            }
        }
    }

    fn start(&mut self, load: Load) {
        let ticket = Arc::new(Ticket::default());
        self.publisher.loading(&load, &ticket);
        let versions = self.known.0.entry(load.model.clone()).or_default();
        let attempt = versions.entry(load.version).or_default();
        attempt.tried = load.files.fingerprint.clone();
        attempt.loading = Some(Arc::clone(&ticket));
        attempt.refused = false;
        self.pool.add(Job { load, ticket });
    }

    /// A load has ended. What was superseded meanwhile is thrown away. Returns whether the
    /// repository should be looked at.
    fn finished(&mut self, Finished { job, result }: Finished) -> bool {
        let Job { load, ticket } = job;
        let attempt = self
            .known
            .0
            .get_mut(&load.model)
            .and_then(|versions| versions.get_mut(&load.version))
            .filter(|attempt| attempt.loading.as_ref().is_some_and(|t| Arc::ptr_eq(t, &ticket)));
        let Some(attempt) = attempt else { return false };
        attempt.loading = None;
        match result {
            Ok(loaded) => {
                attempt.live = true;
                attempt.serves = load.files.fingerprint.clone();
                self.switch(Arc::new(self.admission.admit(&load, loaded)));
            }
            Err(refused) if refused.cause == Cause::Superseded => {
                self.cancelled(&load.model, load.version);
                return true;
            }
            Err(refused) => {
                attempt.refused = true;
                self.publisher.refused(&load.model, load.version, &refused);
            }
        }
        self.act();
        false
    }

    /// The version serves from now on.
    fn switch(&mut self, live: Arc<LiveModel>) {
        let snapshot = self.publisher.snapshot();
        let model = snapshot.models.get(&live.name);
        let before = model.and_then(|model| model.serving()).map(|live| live.version);
        if let Some(old) = model.and_then(|model| model.live_version(live.version)) {
            self.draining.push(Arc::clone(old));
        }
        self.publisher.went_live(&live, live.load_time);
        self.trials.begin(&live, before);
        let desired = self.desired.edit(&live.name);
        desired.served.retain(|&version| version != live.version);
        if !self.trials.runs(&live.name, live.version) {
            self.proved(&live.name);
        }
    }

    /// What serves now is what a restart should begin with.
    pub(super) fn proved(&mut self, name: &str) {
        let snapshot = self.publisher.snapshot();
        if let Some(live) = snapshot.models.get(name).and_then(|model| model.serving()) {
            self.desired.edit(name).serves(live.version);
        }
    }

    /// Routes, and takes versions out of service that are no longer wanted.
    fn settle(&mut self, name: &str, wanted: &reconcile::Wanted) {
        self.publisher.route(name, &wanted.routing);
        if let Some(versions) = self.known.0.get_mut(name) {
            let live = versions.iter().filter(|(_, a)| a.live).map(|(v, _)| *v).collect();
            let mut stays = reconcile::stays(&live, &wanted.serve, wanted.unsettled);
            if !wanted.serve.is_empty() {
                stays.extend(self.trials.standby(name).filter(|version| live.contains(version)));
            }
            self.draining.extend(self.publisher.let_go(name, &stays));
            for (version, attempt) in versions.iter_mut() {
                attempt.live &= stays.contains(version);
            }
            // Only a refusal is worth remembering: a version that was let go may be wanted
            // again, and must then be loaded again.
            versions.retain(|version, attempt| {
                let told = wanted.unsettled || wanted.show.contains_key(version);
                attempt.live || attempt.loading.is_some() || (attempt.refused && told)
            });
            if versions.is_empty() {
                self.known.0.remove(name);
            }
        }
        let draining = self.draining.iter().filter(|live| live.name == name);
        let draining = draining.map(|live| live.version).collect();
        self.publisher.show(name, &wanted.show, &draining);
    }

    fn publish_completeness(&self) {
        let waited = self.started.elapsed() >= PATIENCE;
        let settled = self.listing.as_ref().is_some_and(|listing| waited || !listing.unsettled);
        let mut attempts = self.known.0.values().flat_map(BTreeMap::values);
        if settled && !attempts.any(|attempt| attempt.loading.is_some()) {
            self.publisher.complete(self.repository.source());
        }
    }

    /// What time alone brings about.
    fn tick(&mut self) {
        let before = self.draining.len();
        self.draining.retain(|live| Arc::strong_count(live) > 1);
        let freed = self.draining.len() < before;
        let ended = self.trials.ended(&self.publisher.snapshot());
        for end in &ended {
            match &end.broken {
                None => self.proved(&end.model),
                Some(reason) => {
                    self.take_back(&end.model, end.version, &format!("{ROLLED_BACK}: {reason}"));
                }
            }
        }
        let asleep = self.fall_asleep();
        if freed || asleep || !ended.is_empty() {
            self.act();
        }
    }

    /// Keeps a version away until its files change or an operator wants it.
    pub(super) fn take_back(&mut self, name: &str, version: Version, reason: &str) {
        let listing = self.listing.as_ref().and_then(|listing| listing.models.get(name));
        let Some(files) = listing.and_then(|model| model.versions.get(&version)) else { return };
        let held =
            super::desired::Held { files: files.fingerprint.digest(), reason: reason.to_owned() };
        let desired = self.desired.edit(name);
        desired.held.insert(version, held);
        desired.served.retain(|&served| served != version);
        self.publisher.rolled_back(name, version, reason);
    }
}
