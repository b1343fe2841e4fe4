//! The models that are being served: an immutable snapshot that readers take without a
//! lock, and one owner that replaces it.
//!
//! The owner looks at the repository, works out what to load and what to let go
//! (`reconcile`), has new versions loaded by threads of their own (`pool`, `load`), which
//! take them through every step of `lifecycle`, and publishes a new snapshot. A request
//! keeps the version it started with alive; the memory goes when the last such request
//! ends. A version that is refused changes nothing for callers: the old one keeps serving
//! and the reason is in the snapshot.

mod admit;
mod asked;
mod budget;
mod comparison;
mod control;
mod counts;
mod desired;
mod events;
mod fetched;
mod health;
mod labels;
mod latencies;
mod lifecycle;
mod live;
mod load;
mod metrics;
mod owner;
mod pool;
mod publish;
mod reconcile;
mod routing;
mod shadows;
mod sleep;
mod snapshot;
mod statistics;
mod trial;
mod wishes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use control::Commands;
use tokio::sync::watch;

pub use comparison::{Compared, Comparison};
pub use control::{ControlError, Routed};
pub use counts::{Counts, Sums};
pub use events::{Event, Events, What};
pub use labels::{Outcome, Protocol, Refusal, ShadowOutcome, Stage};
pub use latencies::Latencies;
pub use lifecycle::{Cause, ROLLED_BACK, SUPERSEDED, Ticket};
pub use live::{Lineage, LiveModel};
pub use metrics::Metrics;
pub use owner::{Owner, Parts};
pub use reconcile::Control;
pub use routing::{Routes, Routing};
pub use snapshot::{Model, Snapshot, State, VersionEntry};
pub use statistics::{Counted, Success, Totals};

/// Settings of the registry.
#[derive(Debug, Clone)]
pub struct Config {
    /// Time between two looks at the repository; `None` looks once.
    pub poll: Option<Duration>,
    /// Models that may load at the same time.
    pub load_threads: usize,
    /// Of one core, what each of them takes while requests keep the process busy.
    pub load_share: f64,
    /// Requests that may wait for one model version, unless its `model.toml` says otherwise.
    pub queue: usize,
    /// Time for one request, unless the model's `model.toml` says otherwise.
    pub deadline: Duration,
    /// Who decides which models are served.
    pub control: Control,
    /// Where routing, rollbacks and what served last are kept across restarts.
    pub state_dir: Option<PathBuf>,
    /// Bytes that all models may take together, by their estimates.
    pub max_model_memory: Option<u64>,
}

/// Reads what is being served. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    snapshot: Arc<ArcSwap<Snapshot>>,
    metrics: Metrics,
    commands: Commands,
    changed: watch::Receiver<()>,
}

impl Registry {
    /// The state of this moment. Take it once per request.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Waits until `find` finds something in a snapshot, now or after a change.
    pub async fn wait_for<T>(&self, find: impl Fn(&Snapshot) -> Option<T>) -> Option<T> {
        let mut changed = self.changed.clone();
        loop {
            // Seen before the look, so that a change during it is not missed.
            changed.mark_unchanged();
            if let Some(found) = find(&self.snapshot()) {
                return Some(found);
            }
            changed.changed().await.ok()?;
        }
    }

    /// What became of versions.
    #[must_use]
    pub fn events(&self) -> &Events {
        self.metrics.events()
    }

    /// Brings gauges that are read from the models up to date; call before a scrape.
    pub fn refresh_metrics(&self) {
        for live in self.snapshot.load().live_models() {
            self.metrics.refresh(live);
        }
    }
}
