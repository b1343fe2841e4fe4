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
use super::monitor::{Memory, Monitor};
use super::page::{self, Entry, Labels};
use super::reference::Reference;
use super::settings::Settings;
use super::store::Store;
use super::windows::Source;
use crate::metrics::{Place, Registry, Settle, Shelf, Shelved};

/// Monitors of one model that are kept although their versions do not serve: a version that is
/// taken back or woken goes on with its windows.
const SPARE: usize = 2;

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
    /// Files are predicted here.
    files: bool,
    shelf: Shelf<Kept>,
    /// What has left the shelf and is to be saved: not by who makes a version serve, which no
    /// disk may delay.
    leaving: Mutex<Vec<Place<Kept>>>,
    /// Held while that is written.
    saving: Mutex<()>,
}

/// A monitor with what it shows.
struct Kept {
    monitor: Arc<Monitor>,
    labels: Labels,
    /// By source; `None` before it entered and after it left. Whoever shows something holds this,
    /// so that nothing comes back to the page after its version has gone, and so that two looks at
    /// once do not add the same rows twice.
    series: Mutex<Option<Vec<Series>>>,
    of: (String, u64),
    metrics: Metrics,
    registry: Registry,
}

/// What the monitor of a version that is not yet in service will begin with. All that may take
/// time was done.
pub struct Prepared {
    reference: Reference,
    settings: Settings,
    before: Before,
}

enum Before {
    /// The version is or was here, and this monitor has its counts. It is held, so it stays.
    Counted(Arc<Monitor>),
    Saved(Option<Box<Memory>>),
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
    /// `registry` is that of `/metrics`. Counts are kept in `directory`, if there is one. `files`
    /// says whether files will be predicted: what they will be counted by is on the pages before
    /// the first one, since a counter that appears with its first count has not risen.
    #[must_use]
    pub fn new(registry: &Registry, directory: Option<PathBuf>, files: bool) -> Self {
        let metrics = Metrics::new(registry);
        let store = directory.map(Store::new);
        let (registry, beside) = (registry.clone(), Registry::without_process());
        let shelf = Shelf::new(SPARE);
        let (leaving, saving) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { registry, beside, metrics, store, files, shelf, leaving, saving }))
    }

    /// Where others put series on the page of `/metrics/drift`.
    #[must_use]
    pub fn bins(&self) -> &Registry {
        &self.0.beside
    }

    /// The page of `/metrics/drift`.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        let all = self.0.shelf.all();
        let entries: Vec<Entry> = all.iter().flat_map(|place| place.thing.entries()).collect();
        let mut page = page::page(&entries);
        page.extend(self.0.beside.text());
        page
    }

    /// Reads what was counted of a version before. Changes nothing: the version may yet be
    /// refused. May wait for the disk.
    #[must_use]
    pub fn prepare(
        &self,
        (model, version): (&str, u64),
        reference: &Reference,
        settings: &Settings,
    ) -> Prepared {
        self.save_leaving();
        let here = self.0.shelf.find(model, version);
        let here = here.filter(|monitor| monitor.reference().id == reference.id);
        let saved = || {
            let memory = self.0.store.as_ref()?.load(model, version, reference)?;
            Some(Box::new(memory))
        };
        let before = here.map_or_else(|| Before::Saved(saved()), Before::Counted);
        Prepared { reference: reference.clone(), settings: settings.clone(), before }
    }

    /// The monitor of a version that begins to serve, with what was counted before under the
    /// same reference.
    #[must_use]
    pub fn open(&self, (model, version): (&str, u64), prepared: Prepared) -> Arc<Monitor> {
        let now = now();
        let (reference, settings) = (prepared.reference.clone(), prepared.settings.clone());
        let is_same = |kept: &Kept| {
            kept.reference().id == reference.id && *kept.monitor.settings() == settings
        };
        let (monitor, gone) = self.0.shelf.begin((model, version), is_same, |old| {
            let old = old.map(|kept| kept.monitor.as_ref());
            let monitor = prepared.begin(old, now);
            if self.0.files {
                monitor.expect_files(now);
            }
            Kept::new((model, version), monitor, &self.0)
        });
        // What was counted under the same reference goes on; under another one it may be wanted.
        let gone = gone.filter(|old| old.thing.reference().id != reference.id);
        self.leaving().extend(gone);
        monitor
    }

    /// A version begins to serve that has no reference; it may have had one.
    pub fn close(&self, model: &str, version: u64) {
        let gone = self.0.shelf.end(model, version);
        self.leaving().extend(gone);
    }

    /// Lets go of what neither serves nor `may_come_back`, and of each model the oldest that do
    /// not serve.
    pub fn sweep(&self, may_come_back: impl Fn(&str, u64) -> bool) {
        let wanted = |place: &Place<Kept>| may_come_back(&place.model, place.version);
        for place in self.0.shelf.surplus(wanted) {
            self.save_one(&place, now());
            self.0.shelf.discard(&place);
        }
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
        self.save_leaving();
        for place in self.0.shelf.all() {
            place.thing.tick(now);
        }
    }

    fn save(&self, now: Moment) {
        self.save_leaving();
        for place in self.0.shelf.all() {
            self.save_one(&place, now);
        }
    }

    /// Saves what has left since the last time. When this returns nothing that left before is
    /// still to be written, whoever does it.
    fn save_leaving(&self) {
        let _saving = self.0.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving = std::mem::take(&mut *self.leaving());
        for place in leaving {
            self.save_one(&place, now());
        }
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<Place<Kept>>> {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save_one(&self, Place { model, version, thing }: &Place<Kept>, now: Moment) {
        let Some(store) = &self.0.store else { return };
        store.save(model, *version, thing.reference(), &thing.monitor.memory(now));
    }
}

impl Prepared {
    /// `old` is what the version had until now.
    fn begin(self, old: Option<&Monitor>, now: Moment) -> Monitor {
        let same = old.filter(|old| old.reference().id == self.reference.id);
        let memory = match (same, self.before) {
            (Some(old), _) => Some(old.memory(now)),
            (None, Before::Counted(monitor)) => Some(monitor.memory(now)),
            (None, Before::Saved(memory)) => memory.map(|memory| *memory),
        };
        Monitor::new(self.reference, self.settings, memory, now)
    }
}

impl Kept {
    fn new((model, version): (&str, u64), monitor: Monitor, shared: &Shared) -> Self {
        Self {
            labels: Labels::new(model, &version.to_string(), monitor.reference()),
            monitor: Arc::new(monitor),
            series: Mutex::default(),
            of: (model.to_owned(), version),
            metrics: shared.metrics.clone(),
            registry: shared.registry.clone(),
        }
    }

    fn reference(&self) -> &Reference {
        self.monitor.reference()
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let (labels, reference) = (&self.labels, self.reference());
        Source::ALL.into_iter().filter_map(move |source| {
            Some(Entry { source, labels, reference, total: self.monitor.total(source)? })
        })
    }

    fn tick(&self, now: Moment) {
        if self.monitor.tick(now) {
            self.with_series(|series, source| {
                if let Some(report) = self.monitor.report(source) {
                    self.metrics.show(series, &report);
                }
            });
        }
    }

    /// Calls back for all series that are shown. Files may have come into view meanwhile.
    fn with_series(&self, mut show: impl FnMut(&Series, Source)) {
        let mut shown = self.series();
        let Some(shown) = shown.as_mut() else { return };
        for source in Source::ALL {
            let is_new = shown.iter().all(|series| series.source() != source);
            if is_new && self.monitor.report(source).is_some() {
                shown.push(self.new_series(source));
            }
        }
        for series in shown.iter() {
            show(series, series.source());
        }
    }

    fn new_series(&self, source: Source) -> Series {
        let (model, version) = &self.of;
        self.metrics.series(source, model, &version.to_string(), self.reference())
    }

    fn series(&self) -> MutexGuard<'_, Option<Vec<Series>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelved for Kept {
    type Held = Monitor;

    fn held(&self) -> &Arc<Monitor> {
        &self.monitor
    }

    fn enter(self: &Arc<Self>) {
        *self.series() = Some(Vec::new());
        self.with_series(|_, _| {});
        self.registry.settle(self);
    }

    fn leave(&self) {
        let mut shown = self.series();
        for series in shown.take().into_iter().flatten() {
            self.metrics.remove(&series, self.reference());
        }
    }
}

impl Settle for Kept {
    fn settle(&self) {
        self.with_series(|series, source| {
            if let Some(rows) = self.monitor.rows(source) {
                series.settle(rows);
            }
        });
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

#[cfg(test)]
mod tests;
