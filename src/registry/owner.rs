//! The thread that owns the registry: it alone looks at the repository and replaces the
//! snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::fetched::{self, NotFetched};
use super::load::Loader;
use super::metrics::Metrics;
use super::publish::Publisher;
use super::reconcile::{self, Attempt, Changes, Known, Load};
use super::snapshot::Snapshot;
use super::{Config, Registry};
use crate::engine::Engine;
use crate::repository::Repository;
use crate::scheduler::Scheduler;

/// Looks closer together than this would only burn time.
const MIN_POLL: Duration = Duration::from_millis(10);

/// While files are changing the next look comes sooner, so that a swap does not wait for
/// two polls.
const UNSETTLED_POLL: Duration = Duration::from_millis(100);

/// What the registry is made of.
pub struct Parts {
    pub repository: Repository,
    pub engine: Arc<dyn Engine>,
    pub scheduler: Arc<Scheduler>,
    pub metrics: Metrics,
}

/// Stops the owner's thread when dropped: at once, or after the loads that are under way.
/// Nobody waits for them: a process that ends need not finish loading.
pub struct Owner {
    _stop: Sender<()>,
}

impl Owner {
    /// Starts the thread; the first look begins at once.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(config: Config, parts: Parts) -> std::io::Result<(Self, Registry)> {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let registry = Registry { snapshot: Arc::clone(&snapshot), metrics: parts.metrics.clone() };
        let verification = parts.repository.verification().clone();
        let (stop, stopped) = channel();
        let mut work = Work {
            repository: parts.repository,
            publisher: Publisher::new(snapshot, parts.metrics.clone()),
            known: Known::default(),
            poll: config.poll,
            listing_failed: false,
            not_fetched: BTreeMap::new(),
            loader: Loader {
                engine: parts.engine,
                scheduler: parts.scheduler,
                config,
                metrics: parts.metrics,
                verification,
            },
        };
        thread::Builder::new().name("registry".to_owned()).spawn(move || work.run(&stopped))?;
        Ok((Self { _stop: stop }, registry))
    }
}

struct Work {
    repository: Repository,
    publisher: Publisher,
    known: Known,
    poll: Option<Duration>,
    listing_failed: bool,
    not_fetched: NotFetched,
    loader: Loader,
}

impl Work {
    fn run(&mut self, stopped: &Receiver<()>) {
        loop {
            let unsettled = self.look();
            let wait = match (unsettled, self.poll) {
                (true, poll) => UNSETTLED_POLL.min(poll.unwrap_or(UNSETTLED_POLL)),
                (false, Some(poll)) => poll,
                (false, None) => {
                    // Nothing more to look for; wait until the end.
                    let _ = stopped.recv();
                    return;
                }
            };
            if stopped.recv_timeout(wait.max(MIN_POLL)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// One look at the repository and everything that follows from it. Returns whether
    /// files are still changing.
    fn look(&mut self) -> bool {
        let listing = match self.repository.list() {
            Ok(listing) => listing,
            Err(error) => {
                // Said once, not at every poll; what serves keeps serving.
                if !std::mem::replace(&mut self.listing_failed, true) {
                    tracing::error!(error = %error, "the model repository cannot be read");
                }
                return false;
            }
        };
        self.listing_failed = false;
        self.publisher.source_problem(listing.problem.as_deref());
        let changes = reconcile::changes(&listing, &self.known);
        self.publisher.problems(&changes);
        self.load(&changes.load);
        self.let_go(&changes);
        let not_fetched = fetched::not_fetched(&listing);
        self.publisher.not_fetched(&self.not_fetched, &not_fetched);
        self.not_fetched = not_fetched;
        if !listing.unsettled {
            self.publisher.complete(self.repository.source());
        }
        listing.unsettled
    }

    /// Loads side by side, up to the limit. Each version is published as soon as it is
    /// ready.
    fn load(&mut self, loads: &[Load]) {
        if loads.is_empty() {
            return;
        }
        self.publisher.loading(loads);
        let next = Mutex::new(loads.iter());
        let known = Mutex::new(&mut self.known);
        let (loader, publisher) = (&self.loader, &self.publisher);
        thread::scope(|scope| {
            for _ in 0..loader.config.load_threads.clamp(1, loads.len()) {
                scope.spawn(|| {
                    loop {
                        let load = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some(load) = load else { return };
                        let started = Instant::now();
                        let result = loader.load(load);
                        let live = result.is_ok() || publisher.serves(load);
                        publisher.loaded(load, result, started);
                        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                        let tried = load.files.fingerprint.clone();
                        let versions = known.0.entry(load.model.clone()).or_default();
                        versions.insert(load.version, Attempt { tried, live });
                    }
                });
            }
        });
    }

    /// Takes versions out of service that are no longer wanted.
    fn let_go(&mut self, changes: &Changes) {
        let names: Vec<String> = self.known.0.keys().cloned().collect();
        for name in names {
            if changes.problems.contains_key(&name) {
                continue;
            }
            let nothing = BTreeSet::new();
            let wanted = changes.wanted.get(&name).unwrap_or(&nothing);
            let unsettled = changes.unsettled.contains(&name);
            let Some(versions) = self.known.0.get_mut(&name) else { continue };
            let live = versions.iter().filter(|(_, a)| a.live).map(|(v, _)| *v).collect();
            let stays = reconcile::stays(&live, wanted, unsettled);
            versions.retain(|version, attempt| {
                wanted.contains(version) || unsettled || (attempt.live && stays.contains(version))
            });
            let not_fetched = self.not_fetched.get(&name).into_iter().flatten();
            let kept: BTreeSet<_> =
                versions.keys().copied().chain(not_fetched.map(|(version, _)| *version)).collect();
            if versions.is_empty() {
                self.known.0.remove(&name);
            }
            self.publisher.keep_only(&name, &kept);
        }
    }
}
