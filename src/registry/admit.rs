//! What a version gets when it begins to serve, and not before: its queue, its counts, what
//! watches it. A version that is refused on its way has touched none of what others have.

use std::sync::Arc;
use std::time::SystemTime;

use super::Config;
use super::asked::Asked;
use super::comparison::Comparison;
use super::live::{Lineage, LiveModel};
use super::load::Loaded;
use super::metrics::Metrics;
use super::reconcile::Load;
use crate::contract::Contract;
use crate::drift::{self, Monitor, Monitors};
use crate::quality::{Board, Watched, Watcher};
use crate::repository::Listing;
use crate::scheduler::{Limits, Scheduler};

/// Makes versions that were loaded ready for requests.
pub(super) struct Admission {
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) config: Config,
    pub(super) metrics: Metrics,
    pub(super) monitors: Monitors,
    pub(super) board: Board,
}

impl Admission {
    /// The version as the snapshot will have it; from here on nothing refuses it.
    pub(super) fn admit(&self, load: &Load, loaded: Loaded) -> LiveModel {
        let version_text = load.version.to_string();
        let signature = loaded.model.signature();
        let unknown = load.settings.class_labels.keys().filter(|it| signature.output(it).is_none());
        let unknown =
            unknown.map(|output| format!("labels of an output that is not there: '{output}'"));
        let unknown: Vec<String> = unknown.collect();
        for warning in load.settings.notes.iter().chain(&unknown) {
            tracing::warn!(
                model.name = load.model,
                model.version = load.version,
                warning,
                "model version loaded with a warning"
            );
        }
        let quality = self.quality(load, &loaded);
        let Loaded { model, sha256, gate, contract, monitor, memory, load_time } = loaded;
        let monitor = self.monitor(load, monitor);
        let contract: Option<Arc<Contract>> = contract.map(|mut contract| {
            self.metrics.attach(&load.model, &version_text, &mut contract);
            Arc::from(contract)
        });
        let lineage = Lineage::new(
            sha256,
            contract.as_deref().map_or("", Contract::id),
            monitor.as_ref().map_or("", |monitor| &monitor.reference().id),
        );
        let queue_metrics = self.metrics.queue(&load.model, &version_text);
        LiveModel {
            name: load.model.clone(),
            version: load.version,
            lineage,
            gate,
            monitor,
            contract,
            quality,
            queue: self.scheduler.queue(Arc::clone(&model), self.limits(load), queue_metrics),
            model,
            version_policy: load.settings.versions.clone(),
            class_labels: load.settings.class_labels.clone(),
            deadline: load.settings.limits.deadline.unwrap_or(self.config.deadline),
            rollback: load.settings.rollback.clone(),
            unload_after: load.settings.unload_after,
            counts: self.metrics.version(&load.model, &version_text),
            version_text,
            comparison: Comparison::default(),
            asked: Asked::default(),
            _memory: memory,
            load_time,
            loaded_at: SystemTime::now(),
        }
    }

    /// Lets go of what was kept for versions that will not come back.
    pub(super) fn sweep(&self, listing: &Listing) {
        self.monitors.sweep(|model, version| {
            listing.models.get(model).is_some_and(|model| model.has(version))
        });
        // Truths about versions that have left come for weeks; about models, nobody takes them.
        self.board.sweep(|model| listing.models.contains_key(model));
    }

    fn limits(&self, load: &Load) -> Limits {
        Limits {
            waiting: load.settings.limits.queue.unwrap_or(self.config.queue),
            batch: (&load.settings.batching).into(),
            idle_cores: load.settings.limits.idle_cores,
        }
    }

    fn monitor(&self, load: &Load, prepared: Option<drift::Prepared>) -> Option<Arc<Monitor>> {
        let monitor = prepared.map(|it| self.monitors.open((&load.model, load.version), it));
        if monitor.is_none() {
            self.monitors.close(&load.model, load.version);
        }
        monitor
    }

    fn quality(&self, load: &Load, loaded: &Loaded) -> Option<Arc<Watcher>> {
        let Some((target, settings)) =
            loaded.gate.target.as_ref().zip(load.settings.quality.as_ref())
        else {
            self.board.close(&load.model, load.version);
            return None;
        };
        let of = Watched { sha256: &loaded.sha256, target, settings };
        Some(self.board.open((&load.model, load.version), &of))
    }
}
