//! All monitors of a server: those of versions that serve, and of some that have left and may
//! come back. A thread looks at them; another place keeps what outlives the process.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use super::history::Moment;
use super::metrics::{Metrics, Series};
use super::monitor::Monitor;
use super::page::{self, Entry, Labels};
use super::reference::Reference;
use super::settings::Settings;
use super::store::Store;
use crate::metrics::{Registry, Settle};

/// Monitors of one model that are kept although their versions do not serve.
const RETIRED_KEPT: usize = 2;

/// How often the thread asks whose time it is.
const TICK: Duration = Duration::from_millis(100);

/// How often counts are written, so that a crash loses no more.
const SAVE: Duration = Duration::from_mins(1);

/// Cheap to clone.
#[derive(Clone)]
pub struct Monitors(Arc<Shared>);

struct Shared {
    registry: Registry,
    /// What else is on the page of bins.
    beside: Registry,
    metrics: Metrics,
    store: Option<Store>,
    all: Mutex<Vec<Arc<Kept>>>,
}

/// A monitor with what it is of.
struct Kept {
    model: String,
    version: String,
    monitor: Arc<Monitor>,
    series: Series,
    labels: Labels,
    /// Two looks at the page at once would add the same rows twice.
    settling: Mutex<()>,
}

/// Looks at monitors until it is dropped; then everything is saved.
pub struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The time by the wall's clock.
#[must_use]
pub fn now() -> Moment {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl Monitors {
    /// `registry` is that of `/metrics`. Counts are kept in `directory`, if there is one.
    #[must_use]
    pub fn new(registry: &Registry, directory: Option<PathBuf>) -> Self {
        let metrics = Metrics::new(registry);
        let store = directory.map(Store::new);
        let (registry, beside) = (registry.clone(), Registry::without_process());
        Self(Arc::new(Shared { registry, beside, metrics, store, all: Mutex::default() }))
    }

    /// Where others put series on the page of `/metrics/drift`.
    #[must_use]
    pub fn bins(&self) -> &Registry {
        &self.0.beside
    }

    /// The page of `/metrics/drift`.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        let all = self.all();
        let mut page = page::page(&all.iter().map(|kept| kept.entry()).collect::<Vec<_>>());
        page.extend(self.0.beside.text());
        page
    }

    /// The monitor of a version, with what it counted before if it was there before.
    #[must_use]
    pub fn open(
        &self,
        model: &str,
        version: &str,
        reference: &Reference,
        settings: &Settings,
    ) -> Arc<Monitor> {
        let mut all = self.lock();
        let same = |kept: &&Arc<Kept>| {
            kept.is_of(model, version)
                && kept.monitor.reference().id == reference.id
                && kept.monitor.settings() == settings
        };
        if let Some(kept) = all.iter().find(same) {
            return Arc::clone(&kept.monitor);
        }
        let now = now();
        // Other files or other settings of it: their series begin anew.
        all.retain(|kept| {
            let goes = kept.is_of(model, version);
            if goes {
                self.save_one(kept, now);
                self.0.metrics.remove(&kept.series, &kept.monitor);
                self.0.metrics.remove_version([model, version]);
            }
            !goes
        });
        let memory = self.0.store.as_ref().and_then(|store| store.load(model, version, reference));
        let monitor = Monitor::new(reference.clone(), settings.clone(), memory, now);
        let monitor = Arc::new(monitor);
        let kept = Arc::new(Kept {
            model: model.to_owned(),
            version: version.to_owned(),
            monitor: Arc::clone(&monitor),
            series: self.0.metrics.series(model, version, reference),
            labels: Labels::new(model, version, reference),
            settling: Mutex::default(),
        });
        self.0.registry.settle(&kept);
        all.push(kept);
        monitor
    }

    /// Starts the thread that looks at them.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(&self) -> io::Result<Ticker> {
        let (stop, stopped) = mpsc::channel();
        let monitors = self.clone();
        let thread = thread::Builder::new().name("drift".to_owned()).spawn(move || {
            let mut saved = now();
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let now = now();
                monitors.tick(now);
                // The clock may have been set back.
                if now.checked_sub(saved).is_none_or(|since| since >= SAVE) {
                    monitors.save(now);
                    saved = now;
                }
            }
            monitors.save(now());
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }

    fn tick(&self, now: Moment) {
        for kept in self.all() {
            if kept.monitor.tick(now) {
                self.0.metrics.show(&kept.series, &kept.monitor.report());
            }
        }
        self.retire();
    }

    /// Forgets the oldest of those that serve no more.
    fn retire(&self) {
        let mut all = self.lock();
        let retired: Vec<Arc<Kept>> =
            all.iter().filter(|kept| kept.is_retired()).cloned().collect();
        for (place, kept) in retired.iter().enumerate() {
            let younger = &retired[place + 1..];
            if younger.iter().filter(|other| other.model == kept.model).count() >= RETIRED_KEPT {
                self.save_one(kept, now());
                all.retain(|other| !Arc::ptr_eq(other, kept));
                self.0.metrics.remove(&kept.series, &kept.monitor);
                if !all.iter().any(|other| other.is_of(&kept.model, &kept.version)) {
                    self.0.metrics.remove_version([&kept.model, &kept.version]);
                }
            }
        }
    }

    fn save(&self, now: Moment) {
        for kept in self.all() {
            self.save_one(&kept, now);
        }
    }

    fn save_one(&self, kept: &Kept, now: Moment) {
        let Some(store) = &self.0.store else { return };
        let reference = kept.monitor.reference();
        store.save(&kept.model, &kept.version, reference, &kept.monitor.memory(now));
    }

    fn all(&self) -> Vec<Arc<Kept>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Kept>>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_of(&self, model: &str, version: &str) -> bool {
        self.model == model && self.version == version
    }

    fn entry(&self) -> Entry<'_> {
        let reference = self.monitor.reference();
        Entry { labels: &self.labels, reference, total: self.monitor.total() }
    }

    /// Whether nobody but this list holds the monitor.
    fn is_retired(&self) -> bool {
        Arc::strong_count(&self.monitor) == 1
    }
}

impl Settle for Kept {
    fn settle(&self) {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        self.series.settle(self.monitor.rows());
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that watches drift has panicked");
        }
    }
}
