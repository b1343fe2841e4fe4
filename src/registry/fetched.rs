//! What the source of the models could not give: shown where the versions are shown.

use std::collections::BTreeMap;

use super::events::What;
use super::lifecycle::Cause;
use super::publish::Publisher;
use super::snapshot::{Model, Snapshot, State};
use crate::repository::{Listing, Version};

/// Versions that could not be copied from their source, with the reason.
pub(super) type NotFetched = BTreeMap<String, BTreeMap<Version, String>>;

pub(super) fn not_fetched(listing: &Listing) -> NotFetched {
    let failed = listing.models.iter().filter(|(_, model)| !model.failed.is_empty());
    failed.map(|(name, model)| (name.clone(), model.failed.clone())).collect()
}

impl Publisher {
    pub(super) fn source_problem(&self, problem: Option<&str>) {
        self.metrics.set_source(problem.is_none());
        if self.snapshot.load().problem.as_deref() != problem {
            self.change(|snapshot| snapshot.problem = problem.map(str::to_owned));
        }
    }

    /// Shows what failed, and no longer what has come after all.
    pub(super) fn not_fetched(&self, before: &NotFetched, now: &NotFetched) {
        let has = |of: &NotFetched, name: &str, version: Version, reason: &str| {
            of.get(name).and_then(|versions| versions.get(&version)).is_some_and(|r| r == reason)
        };
        if before != now {
            self.change(|snapshot| {
                for (name, version, _) in each(before) {
                    if now.get(name).is_none_or(|versions| !versions.contains_key(&version)) {
                        forget(snapshot, name, version, &before[name][&version]);
                    }
                }
            });
        }
        for (name, version, reason) in each(now) {
            if has(before, name, version, reason) && self.shows(name, version, reason) {
                continue;
            }
            self.change(|snapshot| show(snapshot, name, version, reason));
            let snapshot = self.snapshot.load();
            let model = snapshot.models.get(name);
            if model.and_then(|m| m.versions.get(&version)).is_some_and(|e| e.live.is_none()) {
                self.metrics.set_state(name, &version.to_string(), State::Unavailable);
            }
            if !has(before, name, version, reason) {
                let still_serving = model.and_then(Model::serving).map(|live| live.version);
                self.metrics.refused(name, Cause::Fetch);
                self.metrics.events().add(name, version, What::Failed, reason);
                tracing::error!(
                    model.name = name,
                    model.version = version,
                    model.still_serving = still_serving,
                    reason,
                    "a model version could not be fetched"
                );
            }
        }
        for (name, version, _) in each(before) {
            let snapshot = self.snapshot.load();
            if snapshot.models.get(name).is_none_or(|m| !m.versions.contains_key(&version)) {
                self.metrics.forget_state(name, &version.to_string());
            }
        }
    }

    fn shows(&self, name: &str, version: Version, reason: &str) -> bool {
        let snapshot = self.snapshot.load();
        let entry = snapshot.models.get(name).and_then(|model| model.versions.get(&version));
        entry.is_some_and(|entry| entry.reason == reason)
    }
}

fn each(of: &NotFetched) -> impl Iterator<Item = (&String, Version, &String)> {
    of.iter().flat_map(|(name, versions)| versions.iter().map(move |(v, r)| (name, *v, r)))
}

fn show(snapshot: &mut Snapshot, name: &str, version: Version, reason: &str) {
    let model = snapshot.models.entry(name.to_owned()).or_default();
    let entry = model.versions.entry(version).or_default();
    reason.clone_into(&mut entry.reason);
}

fn forget(snapshot: &mut Snapshot, name: &str, version: Version, reason: &str) {
    let Some(model) = snapshot.models.get_mut(name) else { return };
    let Some(entry) = model.versions.get_mut(&version).filter(|entry| entry.reason == reason)
    else {
        return;
    };
    if entry.live.is_some() {
        entry.reason.clear();
    } else {
        model.versions.remove(&version);
    }
    if model.versions.is_empty() && model.problem.is_none() && !model.dormant {
        snapshot.models.remove(name);
    }
}
