//! The thread that owns the registry: it alone looks at the repository and replaces the
//! snapshot.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::live::LiveModel;
use super::load::Loader;
use super::metrics::Metrics;
use super::reconcile::{self, Attempt, Changes, Known, Load};
use super::snapshot::{Snapshot, State, VersionEntry};
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

/// Stops the owner's thread when dropped.
pub struct Owner {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Starts the thread; the first look begins at once.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(config: Config, parts: Parts) -> std::io::Result<(Self, Registry)> {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let registry =
            Registry { snapshot: Arc::clone(&snapshot), metrics: parts.metrics.clone() };
        let (stop, stopped) = channel();
        let mut work = Work {
            repository: parts.repository,
            publisher: Publisher { snapshot, metrics: parts.metrics.clone() },
            known: Known::default(),
            poll: config.poll,
            listing_failed: false,
            loader: Loader {
                engine: parts.engine,
                scheduler: parts.scheduler,
                config,
                metrics: parts.metrics,
            },
        };
        let thread =
            thread::Builder::new().name("registry".to_owned()).spawn(move || work.run(&stopped))?;
        Ok((Self { stop: Some(stop), thread: Some(thread) }, registry))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The thread sees the closed channel after the loads that are under way.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was logged by the panic hook.
            let _ = thread.join();
        }
    }
}

struct Work {
    repository: Repository,
    publisher: Publisher,
    known: Known,
    poll: Option<Duration>,
    listing_failed: bool,
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
        let changes = reconcile::changes(&listing, &self.known);
        self.publisher.problems(&changes);
        self.load(&changes.load);
        self.let_go(&changes);
        if !listing.unsettled {
            self.publisher.complete(self.repository.root());
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
            let kept: BTreeSet<_> = versions.keys().copied().collect();
            if versions.is_empty() {
                self.known.0.remove(&name);
            }
            self.publisher.keep_only(&name, &kept);
        }
    }
}

/// Replaces the snapshot. Loads run side by side, so each change is applied to whatever
/// the snapshot is at that moment.
struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    metrics: Metrics,
}

impl Publisher {
    fn change(&self, change: impl Fn(&mut Snapshot)) {
        self.snapshot.rcu(|old| {
            let mut new = Snapshot::clone(old);
            change(&mut new);
            new
        });
    }

    fn serves(&self, load: &Load) -> bool {
        let snapshot = self.snapshot.load();
        let entry = snapshot.models.get(&load.model).and_then(|m| m.versions.get(&load.version));
        entry.is_some_and(|entry| entry.live.is_some())
    }

    fn problems(&self, changes: &Changes) {
        let current = self.snapshot.load();
        let known: Vec<_> = current
            .models
            .iter()
            .filter_map(|(name, model)| Some((name.clone(), model.problem.clone()?)))
            .collect();
        if known.iter().map(|(n, r)| (n, r)).eq(changes.problems.iter()) {
            return;
        }
        for (name, reason) in &changes.problems {
            tracing::error!(model.name = name, reason, "a model cannot be loaded");
            self.metrics.refused(name);
        }
        self.change(|snapshot| {
            for model in snapshot.models.values_mut() {
                model.problem = None;
            }
            for (name, reason) in &changes.problems {
                snapshot.models.entry(name.clone()).or_default().problem = Some(reason.clone());
            }
            snapshot.models.retain(|_, m| m.problem.is_some() || !m.versions.is_empty());
        });
    }

    fn loading(&self, loads: &[Load]) {
        self.change(|snapshot| {
            for load in loads {
                let model = snapshot.models.entry(load.model.clone()).or_default();
                let entry = model.versions.entry(load.version).or_insert_with(|| VersionEntry {
                    state: State::Loading,
                    reason: String::new(),
                    live: None,
                });
                entry.state = State::Loading;
                entry.reason = String::new();
            }
        });
        for load in loads {
            self.metrics.set_state(&load.model, &load.version.to_string(), State::Loading);
        }
    }

    fn loaded(&self, load: &Load, result: Result<LiveModel, String>, started: Instant) {
        match result {
            Ok(live) => self.went_live(load, Arc::new(live), started),
            Err(reason) => self.refused(load, &reason),
        }
    }

    fn went_live(&self, load: &Load, live: Arc<LiveModel>, started: Instant) {
        self.metrics.unretire(&live.name, &live.version_text);
        self.change(|snapshot| {
            let model = snapshot.models.entry(load.model.clone()).or_default();
            let entry = VersionEntry {
                state: State::Ready,
                reason: String::new(),
                live: Some(Arc::clone(&live)),
            };
            model.versions.insert(load.version, entry);
        });
        self.metrics.set_state(&live.name, &live.version_text, State::Ready);
        self.metrics.went_live(&live, started.elapsed());
        let facts = live.model.facts();
        let load_ms = u64::try_from(live.load_time.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            model.name = live.name,
            model.version = live.version,
            model.sha256 = live.sha256,
            strategy = facts.strategy,
            load_ms,
            "model version is ready"
        );
        for warning in facts.warnings {
            tracing::warn!(model.name = live.name, model.version = live.version, warning, "model");
        }
    }

    fn refused(&self, load: &Load, reason: &str) {
        self.change(|snapshot| {
            let model = snapshot.models.entry(load.model.clone()).or_default();
            let old = model.versions.get(&load.version).and_then(|entry| entry.live.clone());
            // New files of a version that serves: the old ones go on serving.
            let state = if old.is_some() { State::Ready } else { State::Unavailable };
            let entry = VersionEntry { state, reason: reason.to_owned(), live: old };
            model.versions.insert(load.version, entry);
        });
        let version = load.version.to_string();
        let state = if self.serves(load) { State::Ready } else { State::Unavailable };
        self.metrics.set_state(&load.model, &version, state);
        self.metrics.refused(&load.model);
        let still_serving = self
            .snapshot
            .load()
            .models
            .get(&load.model)
            .and_then(|model| model.serving().map(|live| live.version));
        tracing::error!(
            model.name = load.model,
            model.version = load.version,
            model.still_serving = still_serving,
            reason,
            "a model version was refused"
        );
    }

    fn keep_only(&self, name: &str, kept: &BTreeSet<u64>) {
        let current = self.snapshot.load();
        let Some(model) = current.models.get(name) else { return };
        let gone: Vec<(u64, VersionEntry)> = model
            .versions
            .iter()
            .filter(|(version, _)| !kept.contains(version))
            .map(|(version, entry)| (*version, entry.clone()))
            .collect();
        if gone.is_empty() {
            return;
        }
        self.change(|snapshot| {
            if let Some(model) = snapshot.models.get_mut(name) {
                model.versions.retain(|version, _| kept.contains(version));
                if model.versions.is_empty() && model.problem.is_none() {
                    snapshot.models.remove(name);
                }
            }
        });
        for (version, entry) in gone {
            self.metrics.forget_state(name, &version.to_string());
            if let Some(live) = entry.live {
                self.metrics.retire(&live);
                tracing::info!(
                    model.name = name,
                    model.version = version,
                    "model version was let go"
                );
            }
        }
    }

    fn complete(&self, root: &std::path::Path) {
        if self.snapshot.load().complete {
            return;
        }
        self.change(|snapshot| snapshot.complete = true);
        let snapshot = self.snapshot.load();
        if snapshot.models.is_empty() {
            tracing::warn!(path = %root.display(), "no models found; the server waits for some");
        }
    }
}

