//! The models that are being served: an immutable snapshot that readers take without a
//! lock, and one owner that replaces it.
//!
//! The owner looks at the repository, works out what to load and what to let go
//! (`reconcile`), loads new versions on threads of their own, and publishes a new
//! snapshot. A request keeps the version it started with alive; the memory goes when the
//! last such request ends. A version that fails to load changes nothing for callers: the
//! old one keeps serving and the reason is in the snapshot.

mod fetched;
mod labels;
mod live;
mod load;
mod metrics;
mod owner;
mod publish;
mod reconcile;
mod snapshot;
mod statistics;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

pub use labels::{Outcome, Protocol, Refusal, Stage};
pub use live::LiveModel;
pub use metrics::{Metrics, VersionMetrics};
pub use owner::{Owner, Parts};
pub use snapshot::{Model, Snapshot, State, VersionEntry};
pub use statistics::{Counted, Statistics, Success, Totals};

/// Settings of the registry.
#[derive(Debug, Clone)]
pub struct Config {
    /// Time between two looks at the repository; `None` looks once.
    pub poll: Option<Duration>,
    /// Models that may load at the same time.
    pub load_threads: usize,
    /// Requests that may wait for one model version, unless its `model.toml` says otherwise.
    pub queue: usize,
    /// Time for one request, unless the model's `model.toml` says otherwise.
    pub deadline: Duration,
}

/// Reads what is being served. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    snapshot: Arc<ArcSwap<Snapshot>>,
    metrics: Metrics,
}

impl Registry {
    /// The state of this moment. Take it once per request.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Brings gauges that are read from the models up to date; call before a scrape.
    pub fn refresh_metrics(&self) {
        for live in self.snapshot.load().live_models() {
            self.metrics.refresh(live);
        }
    }
}
