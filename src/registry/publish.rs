//! Replaces the snapshot, and tells metrics and log what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

use super::live::LiveModel;
use super::metrics::Metrics;
use super::reconcile::{Changes, Load};
use super::snapshot::{Snapshot, State, VersionEntry};
use crate::repository::Source;

/// Replaces the snapshot. Loads run side by side, so each change is applied to whatever
/// the snapshot is at that moment.
pub(super) struct Publisher {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) metrics: Metrics,
}

impl Publisher {
    pub(super) fn new(snapshot: Arc<ArcSwap<Snapshot>>, metrics: Metrics) -> Self {
        Self { snapshot, metrics }
    }

    pub(super) fn change(&self, change: impl Fn(&mut Snapshot)) {
        self.snapshot.rcu(|old| {
            let mut new = Snapshot::clone(old);
            change(&mut new);
            new
        });
    }

    pub(super) fn serves(&self, load: &Load) -> bool {
        let snapshot = self.snapshot.load();
        let entry = snapshot.models.get(&load.model).and_then(|m| m.versions.get(&load.version));
        entry.is_some_and(|entry| entry.live.is_some())
    }

    pub(super) fn problems(&self, changes: &Changes) {
        let current = self.snapshot.load();
        let known: BTreeMap<&String, &String> = current
            .models
            .iter()
            .filter_map(|(name, model)| Some((name, model.problem.as_ref()?)))
            .collect();
        if known.iter().map(|(name, reason)| (*name, *reason)).eq(&changes.problems) {
            return;
        }
        for (name, reason) in &changes.problems {
            if known.get(name) != Some(&reason) {
                tracing::error!(model.name = name, reason, "a model cannot be loaded");
                self.metrics.refused(name);
            }
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

    pub(super) fn loading(&self, loads: &[Load]) {
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

    pub(super) fn loaded(&self, load: &Load, result: Result<LiveModel, String>, started: Instant) {
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
            tracing::warn!(
                model.name = live.name,
                model.version = live.version,
                warning,
                "model version loaded with a warning"
            );
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

    pub(super) fn keep_only(&self, name: &str, kept: &BTreeSet<u64>) {
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

    pub(super) fn complete(&self, source: &Source) {
        if self.snapshot.load().complete {
            return;
        }
        self.change(|snapshot| snapshot.complete = true);
        let snapshot = self.snapshot.load();
        if snapshot.models.is_empty() {
            tracing::warn!(path = %source, "no models found; the server waits for some");
        }
    }
}
