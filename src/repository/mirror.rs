//! A local copy of an object store, kept up to date by a thread of its own.
//!
//! Looking at the copy never waits for the network: the tree of complete files is there all
//! the time, also if the store is down, and also at the next start. What the copy holds is
//! replaced as a whole, version by version, only by what was fetched and checked completely.

mod cache;
mod fetch;
mod plan;
mod store;
mod sync;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

use self::cache::Cache;
use self::plan::Names;
use self::store::Store;
use self::sync::Syncing;
use super::source::Remote;
use super::{Error, Listing, Version, layout};
use crate::digest;
use crate::store::backoff::Backoff;

/// Reasons why versions could not be copied.
type Failed = BTreeMap<String, BTreeMap<Version, String>>;

/// How a source behind a network is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheConfig {
    pub directory: PathBuf,
    /// Time between two looks at the store; `None` looks once.
    pub poll: Option<Duration>,
    /// Objects that are downloaded at the same time.
    pub fetch_threads: usize,
}

impl CacheConfig {
    /// A directory for this source alone below one for caches.
    #[must_use]
    pub fn directory_below(caches: &Path, source: &super::Source) -> PathBuf {
        caches.join("onnxd").join(digest::hex(&digest::first::<8>(source.to_string())))
    }
}

/// Ends its thread when dropped; a download that is under way is continued at the next start.
#[derive(Debug)]
pub(super) struct Mirror {
    shared: Arc<Shared>,
    tree: PathBuf,
    name: String,
    url: String,
}

#[derive(Debug, Default)]
struct Shared {
    status: Mutex<Status>,
    /// Held while somebody looks at the tree, and while it is exchanged.
    looking: Mutex<()>,
    wake: Notify,
    stop: Notify,
}

#[derive(Debug, Default)]
struct Status {
    /// The first look at the store is over, well or badly.
    looked: bool,
    problem: Option<String>,
    failed: Failed,
}

fn between_tries() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5))
}

/// After the first failure the next look comes when it would have come anyway.
fn between_looks(poll: Duration) -> Backoff {
    Backoff::new(poll, poll.max(Duration::from_secs(30)))
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn failed(&self, change: impl FnOnce(&Failed) -> Failed) {
        let mut status = held(&self.status);
        status.failed = change(&status.failed);
    }

    fn looked(&self, url: &str, result: Result<(), String>) {
        let mut status = held(&self.status);
        let problem = result.err().map(|reason| format!("object store {url}: {reason}"));
        match (&status.problem, &problem) {
            (Some(_), None) => tracing::info!(source = url, "the object store can be read again"),
            (before, Some(reason)) if before.as_ref() != Some(reason) => {
                tracing::error!(reason, "the model repository cannot be brought up to date");
            }
            _ => {}
        }
        status.problem = problem;
        status.looked = true;
    }
}

impl Mirror {
    /// Shows what the last run left, and begins to look at the store.
    pub(super) fn start(
        remote: &Remote,
        config: &CacheConfig,
        model_name: Option<&str>,
    ) -> Result<Self, Error> {
        let url = remote.to_string();
        let unusable = |reason: String| Error::Url { url: url.clone(), reason };
        let store = Store::open(remote).map_err(unusable)?;
        let cache = Cache::open(&config.directory)?;
        let tree = cache.tree();
        let shared = Arc::new(Shared::default());
        let name = remote.name().to_owned();
        let mut syncing = Syncing {
            store,
            index: cache.index(&url),
            cache,
            names: Names { chosen: model_name.map(str::to_owned), source: name.clone() },
            fetch_threads: config.fetch_threads.max(1),
            shared: Arc::clone(&shared),
            retries: BTreeMap::new(),
        };
        let broken = |reason| Error::Cache { path: config.directory.clone(), reason };
        syncing.restore().map_err(broken)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let (poll, thread_url) = (config.poll, url.clone());
        let run = move || runtime.block_on(run(syncing, poll, thread_url));
        let thread = thread::Builder::new().name("mirror".to_owned()).spawn(run);
        thread.map_err(|error| unusable(error.to_string()))?;
        Ok(Self { shared, tree, name, url })
    }

    pub(super) fn scan(&self, model_name: Option<&str>) -> Result<Listing, Error> {
        let _nothing_changes = held(&self.shared.looking);
        let root_name = Some(self.name.as_str());
        let place = layout::Place { root: &self.tree, model_name, root_name };
        layout::scan(&place).map_err(|error| match error {
            Error::Unreadable { reason, .. } => {
                Error::Url { url: self.url.clone(), reason: fetch::disk(&reason) }
            }
            other => other,
        })
    }

    /// Adds what the tree does not show.
    pub(super) fn add_to(&self, listing: &mut Listing) {
        let status = held(&self.shared.status);
        listing.unsettled |= !status.looked;
        listing.problem.clone_from(&status.problem);
        for (name, versions) in &status.failed {
            listing.models.entry(name.clone()).or_default().failed.clone_from(versions);
        }
    }

    pub(super) fn refresh(&self) {
        self.shared.wake.notify_one();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
    }
}

async fn run(mut syncing: Syncing, poll: Option<Duration>, url: String) {
    let shared = Arc::clone(&syncing.shared);
    let looks = async {
        let mut backoff = poll.map(between_looks);
        loop {
            let result = syncing.look().await;
            let wait = match (&result, &mut backoff) {
                (Err(_), Some(backoff)) => Some(backoff.next()),
                (Ok(()), Some(backoff)) => {
                    backoff.reset();
                    poll
                }
                (_, None) => None,
            };
            shared.looked(&url, result);
            let asked = shared.wake.notified();
            // Without polls only somebody who asks ends the wait.
            if tokio::time::timeout(wait.unwrap_or(Duration::MAX), asked).await.is_ok() {
                syncing.retries.clear();
            }
        }
    };
    tokio::select! {
        () = looks => {}
        () = shared.stop.notified() => {}
    }
}
