//! Replaces the snapshot, and tells metrics and log what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::events::What;
use super::lifecycle::{Cause, Refused, SUPERSEDED, Ticket};
use super::live::LiveModel;
use super::metrics::Metrics;
use super::reconcile::{Changes, Load};
use super::routing::Routing;
use super::snapshot::{Model, Snapshot, State, VersionEntry};
use crate::gate;
use crate::repository::{Source, Version};

/// Replaces the snapshot. Loads run side by side, so each change is applied to whatever
/// the snapshot is at that moment.
pub(super) struct Publisher {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    /// Those who wait for a change.
    change: watch::Sender<()>,
    pub(super) metrics: Metrics,
}

impl Publisher {
    pub(super) fn new(
        snapshot: Arc<ArcSwap<Snapshot>>,
        change: watch::Sender<()>,
        metrics: Metrics,
    ) -> Self {
        Self { snapshot, change, metrics }
    }

    pub(super) fn change(&self, change: impl Fn(&mut Snapshot)) {
        self.snapshot.rcu(|old| {
            let mut new = Snapshot::clone(old);
            change(&mut new);
            new
        });
        self.change.send_replace(());
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    fn serves(&self, name: &str, version: Version) -> bool {
        let snapshot = self.snapshot.load();
        snapshot.models.get(name).and_then(|model| model.live_version(version)).is_some()
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
                self.metrics.refused(name, Cause::Settings);
            }
        }
        self.change(|snapshot| {
            for model in snapshot.models.values_mut() {
                model.problem = None;
            }
            for (name, reason) in &changes.problems {
                snapshot.models.entry(name.clone()).or_default().problem = Some(reason.clone());
            }
            snapshot
                .models
                .retain(|_, m| m.problem.is_some() || m.dormant || !m.versions.is_empty());
        });
    }

    /// These files are on their way; what serves goes on.
    pub(super) fn loading(&self, load: &Load, ticket: &Arc<Ticket>) {
        self.change(|snapshot| {
            let model = snapshot.models.entry(load.model.clone()).or_default();
            let entry = model.versions.entry(load.version).or_default();
            entry.state = State::Loading;
            entry.reason = String::new();
            entry.refused = Arc::default();
            entry.ticket = Some(Arc::clone(ticket));
        });
        self.metrics.set_state(&load.model, &load.version.to_string(), State::Loading);
    }

    /// What was on its way is not wanted any more.
    pub(super) fn superseded(&self, name: &str, version: Version) {
        self.settle(name, version, SUPERSEDED, &Arc::default());
        tracing::info!(model.name = name, model.version = version, "loading was given up");
    }

    /// What was refused of a version is of no account any more.
    pub(super) fn accepted(&self, name: &str, version: Version) {
        self.settle(name, version, "", &Arc::default());
    }

    /// The version is as it was before its files were on their way.
    fn settle(&self, name: &str, version: Version, reason: &str, checks: &Arc<[gate::Check]>) {
        self.change(|snapshot| {
            let model = snapshot.models.entry(name.to_owned()).or_default();
            let entry = model.versions.entry(version).or_default();
            // New files of a version that serves: the old ones go on serving.
            entry.state = if entry.live.is_some() { State::Ready } else { State::Unavailable };
            reason.clone_into(&mut entry.reason);
            entry.refused = Arc::clone(checks);
            entry.ticket = None;
        });
        let state = if self.serves(name, version) { State::Ready } else { State::Unavailable };
        self.metrics.set_state(name, &version.to_string(), state);
    }

    pub(super) fn went_live(&self, live: &Arc<LiveModel>, took: Duration) {
        self.metrics.unretire(&live.name, &live.version_text);
        let before = self.snapshot();
        let replaced = before.models.get(&live.name).and_then(|m| m.live_version(live.version));
        if let Some(replaced) = replaced {
            self.metrics.forget_info(&live.name, &live.version_text, &replaced.lineage);
        }
        self.change(|snapshot| {
            let model = snapshot.models.entry(live.name.clone()).or_default();
            let entry = VersionEntry {
                state: State::Ready,
                reason: String::new(),
                refused: Arc::default(),
                live: Some(Arc::clone(live)),
                ticket: None,
            };
            model.versions.insert(live.version, entry);
        });
        self.metrics.set_state(&live.name, &live.version_text, State::Ready);
        self.metrics.went_live(live, took);
        self.metrics.events().add(&live.name, live.version, What::Live, "");
        let facts = live.model.facts();
        let load_ms = u64::try_from(live.load_time.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            model.name = live.name,
            model.version = live.version,
            model.sha256 = live.lineage.sha256,
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

    pub(super) fn refused(&self, name: &str, version: Version, refused: &Refused) {
        let Refused { cause, reason, checks } = refused;
        self.settle(name, version, reason, checks);
        self.metrics.refused(name, *cause);
        self.metrics.events().add(name, version, What::Failed, reason);
        let snapshot = self.snapshot.load();
        let serving = snapshot.models.get(name).and_then(Model::serving);
        tracing::error!(
            model.name = name,
            model.version = version,
            model.still_serving = serving.map(|live| live.version),
            cause = cause.as_str(),
            reason,
            "a model version was refused"
        );
    }

    /// A version that serves is taken back; who takes its place is decided elsewhere.
    pub(super) fn rolled_back(&self, name: &str, version: Version, reason: &str) {
        self.metrics.refused(name, Cause::RolledBack);
        self.metrics.events().add(name, version, What::RolledBack, reason);
        tracing::error!(
            model.name = name,
            model.version = version,
            reason,
            "a model version was rolled back"
        );
    }

    /// Which version answers from now on.
    pub(super) fn route(&self, name: &str, routing: &Routing) {
        let current = self.snapshot.load();
        if current.models.get(name).is_none_or(|model| model.routing == *routing) {
            return;
        }
        self.change(|snapshot| {
            if let Some(model) = snapshot.models.get_mut(name) {
                model.routes = routing.routes();
                model.routing = routing.clone();
            }
        });
        tracing::info!(model.name = name, routing = ?routing, "routing changed");
    }

    pub(super) fn dormant(&self, name: &str, dormant: bool) {
        self.change(|snapshot| {
            if let Some(model) = snapshot.models.get_mut(name) {
                model.dormant = dormant;
            }
            snapshot
                .models
                .retain(|_, m| m.problem.is_some() || m.dormant || !m.versions.is_empty());
        });
    }

    /// Takes versions out of service: all but those that stay. Returns them.
    pub(super) fn let_go(&self, name: &str, stays: &BTreeSet<Version>) -> Vec<Arc<LiveModel>> {
        let gone: Vec<Arc<LiveModel>> = self
            .snapshot
            .load()
            .models
            .get(name)
            .into_iter()
            .flat_map(Model::live)
            .filter(|live| !stays.contains(&live.version))
            .cloned()
            .collect();
        if gone.is_empty() {
            return gone;
        }
        self.change(|snapshot| {
            let versions = snapshot.models.get_mut(name).map(|model| &mut model.versions);
            for (_, entry) in versions.into_iter().flatten().filter(|(v, _)| !stays.contains(v)) {
                if entry.live.take().is_some() {
                    entry.state = State::Unloading;
                }
            }
        });
        for live in &gone {
            self.metrics.set_state(name, &live.version_text, State::Unloading);
            self.metrics.retire(live);
            self.metrics.events().add(name, live.version, What::Unloaded, "");
            tracing::info!(
                model.name = name,
                model.version = live.version,
                "model version was let go"
            );
        }
        gone
    }

    /// Removes what has nothing to say: entries that neither serve, nor are on their way,
    /// nor are to be shown. Those to be shown get their reason.
    pub(super) fn show(
        &self,
        name: &str,
        show: &BTreeMap<Version, Option<String>>,
        draining: &BTreeSet<Version>,
    ) {
        let current = self.snapshot.load();
        let Some(model) = current.models.get(name) else { return };
        let keeps = |version: Version, entry: &VersionEntry| {
            entry.live.is_some()
                || entry.ticket.is_some()
                || show.contains_key(&version)
                || draining.contains(&version)
        };
        let settled = |version: Version, entry: &VersionEntry| {
            let reason = show.get(&version).and_then(Option::as_ref);
            entry.live.is_some()
                || entry.ticket.is_some()
                || draining.contains(&version)
                || (entry.state != State::Unloading && reason.is_none_or(|r| *r == entry.reason))
        };
        let mut entries = model.versions.iter();
        let missing = show.iter().any(|(v, r)| r.is_some() && !model.versions.contains_key(v));
        if !missing && entries.all(|(&v, entry)| keeps(v, entry) && settled(v, entry)) {
            return;
        }
        let gone: Vec<Version> =
            model.versions.iter().filter(|(v, e)| !keeps(**v, e)).map(|(v, _)| *v).collect();
        self.change(|snapshot| {
            let Some(model) = snapshot.models.get_mut(name) else { return };
            model.versions.retain(|&version, entry| keeps(version, entry));
            for (&version, reason) in show {
                let entry = reason.as_ref().map(|_| model.versions.entry(version).or_default());
                // A version that serves until another one takes its place needs no reason yet.
                if let Some((entry, reason)) = entry.zip(reason.as_ref())
                    && entry.live.is_none()
                    && entry.reason != *reason
                {
                    entry.reason.clone_from(reason);
                    entry.refused = Arc::default();
                }
            }
            for (&version, entry) in &mut model.versions {
                if !settled(version, entry) {
                    entry.state = State::Unavailable;
                }
            }
            if model.versions.is_empty() && model.problem.is_none() && !model.dormant {
                snapshot.models.remove(name);
            }
        });
        for version in gone {
            self.metrics.forget_state(name, &version.to_string());
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
