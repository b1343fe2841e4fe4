//! Grants what operators ask for, or says why not.

use super::control::{Command, ControlError, Reply, Routed};
use super::lifecycle::ROLLED_BACK;
use super::owner::Work;
use super::reconcile::{Control, Known};
use super::routing::Routing;
use super::snapshot::{Model, Snapshot};
use crate::repository::{Listing, Version, VersionFiles};

const EXPLICIT: &str = "start with --model-control explicit";

/// Those who wait until a model has settled.
#[derive(Default)]
pub(super) struct Waiters(Vec<Waiter>);

struct Waiter {
    model: String,
    end: End,
}

enum End {
    Loaded(Reply<()>),
    RolledBack { from: Version, to: Version, reply: Reply<Version> },
}

impl Waiters {
    /// Answers those whose models have nothing on its way any more. Returns the versions
    /// that were to be taken back and have none to go back to.
    pub(super) fn settle(
        &mut self,
        known: &Known,
        snapshot: &Snapshot,
        listing: Option<&Listing>,
    ) -> Vec<(String, Version)> {
        let is_settled = |model: &str| {
            let files = listing.and_then(|listing| listing.models.get(model));
            let still = files.is_none_or(|model| model.changing.is_empty());
            let versions = known.0.get(model);
            still && versions.is_none_or(|versions| versions.values().all(|a| a.loading.is_none()))
        };
        let (mut waiting, mut failed) = (Vec::new(), Vec::new());
        for waiter in self.0.drain(..) {
            if is_settled(&waiter.model) {
                let model = waiter.model.clone();
                failed.extend(waiter.answer(snapshot).map(|version| (model, version)));
            } else {
                waiting.push(waiter);
            }
        }
        self.0 = waiting;
        failed
    }
}

impl Waiter {
    /// Returns the version whose rollback has failed.
    fn answer(self, snapshot: &Snapshot) -> Option<Version> {
        let model = snapshot.models.get(&self.model);
        let serving = model.and_then(|model| model.serving());
        let failed = || {
            let reason = model.map(Model::reason).unwrap_or_default();
            ControlError::Failed(format!("model '{}' does not serve: {reason}", self.model))
        };
        // Who asked may have gone away, here and below.
        match self.end {
            End::Loaded(reply) => {
                let refused = model.is_some_and(Model::newest_is_refused);
                let served = serving.is_some() && !refused;
                let _ = reply.send(if served { Ok(()) } else { Err(failed()) });
                None
            }
            End::RolledBack { from, to, reply } => {
                let back = serving.is_some_and(|live| live.version == to);
                let reason = model.map(Model::reason).unwrap_or_default();
                let stays = || {
                    let name = &self.model;
                    ControlError::Failed(format!("model '{name}' was not rolled back: {reason}"))
                };
                let _ = reply.send(if back { Ok(to) } else { Err(stays()) });
                (!back).then_some(from)
            }
        }
    }
}

impl Work {
    /// Returns whether the repository should be looked at.
    pub(super) fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Load { overlay: Some(_), reply, .. }
                if self.config.control == Control::Poll =>
            {
                let _ = reply.send(Err(ControlError::Invalid(format!(
                    "the repository decides what is served; {EXPLICIT} to load files or settings by request"
                ))));
            }
            Command::Load { model, overlay, reply } => {
                self.repository.overlay(&model, overlay);
                self.wake(&model);
                if self.config.control == Control::Explicit {
                    self.desired.loaded.insert(model.clone());
                }
                self.try_again(&model);
                self.load(model, reply);
                return true;
            }
            Command::Unload { model, reply } => {
                let outcome = self.unload(&model);
                // What is answered holds, and is on disk.
                self.act();
                let _ = reply.send(outcome);
            }
            Command::Route { model, routing, reply } => {
                let outcome = self.reroute(&model, routing);
                self.act();
                let _ = reply.send(outcome);
            }
            Command::Rollback { model, reply } => self.roll_back(model, reply),
            Command::Wake { model } => self.wake(&model),
        }
        self.act();
        false
    }

    /// Waits for the look that comes next.
    fn load(&mut self, model: String, reply: Reply<()>) {
        // The listing may be older than the files; the repository says what is there.
        if let Ok(listing) = self.repository.list() {
            let known = listing.models.contains_key(&model);
            self.listing = Some(listing);
            if !known {
                self.desired.loaded.remove(&model);
                let _ = reply.send(Err(ControlError::UnknownModel(model)));
                return;
            }
        }
        self.waiters.0.push(Waiter { model, end: End::Loaded(reply) });
        self.act();
    }

    /// What was refused or taken back gets another chance.
    fn try_again(&mut self, model: &str) {
        if self.desired.of(model).is_some_and(|desired| !desired.held.is_empty()) {
            self.desired.edit(model).held.clear();
        }
        if let Some(versions) = self.known.0.get_mut(model) {
            versions.retain(|_, attempt| !attempt.refused || attempt.live);
            for (&version, attempt) in versions.iter_mut().filter(|(_, a)| a.refused) {
                attempt.tried = attempt.serves.clone();
                attempt.refused = false;
                // The files that serve may be back, and then nothing is loaded.
                self.publisher.accepted(model, version);
            }
        }
    }

    fn unload(&mut self, model: &str) -> Result<(), ControlError> {
        if self.config.control == Control::Poll {
            return Err(ControlError::Invalid(format!(
                "the repository decides what is served; {EXPLICIT} to unload by request"
            )));
        }
        if !self.desired.loaded.remove(model) {
            return Err(ControlError::UnknownModel(model.to_owned()));
        }
        self.repository.overlay(model, None);
        Ok(())
    }

    fn reroute(&mut self, model: &str, routing: Option<Routing>) -> Result<Routed, ControlError> {
        let listing = self.listing.as_ref().and_then(|listing| listing.models.get(model));
        let listed = listing.ok_or_else(|| ControlError::UnknownModel(model.to_owned()))?;
        if let Some(routing) = &routing {
            routing.check().map_err(ControlError::Invalid)?;
            if let Some(missing) =
                routing.versions().find(|version| !listed.versions.contains_key(version))
            {
                let there: Vec<String> = listed.versions.keys().map(ToString::to_string).collect();
                return Err(ControlError::Invalid(format!(
                    "version {missing} is not in the repository, versions are: {}",
                    there.join(", ")
                )));
            }
            let named: Vec<Version> = routing.versions().collect();
            // Who names a version that was taken back wants it.
            self.desired.edit(model).held.retain(|version, _| !named.contains(version));
        }
        let settings = listed.settings.as_ref();
        let now = routing.clone().or_else(|| settings.ok().map(Routing::of)).unwrap_or_default();
        self.desired.edit(model).routing = routing;
        Ok(Routed { routing: now, kept: self.store.keeps() })
    }

    fn roll_back(&mut self, model: String, reply: Reply<Version>) {
        match self.version_before(&model) {
            Ok((current, before)) => {
                self.trials.forget(&model);
                self.take_back(&model, current, &format!("{ROLLED_BACK} by request"));
                let end = End::RolledBack { from: current, to: before, reply };
                self.waiters.0.push(Waiter { model, end });
            }
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }

    /// Rollbacks that failed have not happened.
    pub(super) fn leave_in_service(&mut self, failed: Vec<(String, Version)>) {
        for (model, version) in &failed {
            self.desired.edit(model).held.remove(version);
            self.proved(model);
        }
        if !failed.is_empty() {
            self.act();
        }
    }

    /// The version that serves, and the one to go back to: the last that served before it
    /// and is still there, or else the next lower one.
    fn version_before(&self, model: &str) -> Result<(Version, Version), ControlError> {
        let snapshot = self.publisher.snapshot();
        let unknown = || ControlError::UnknownModel(model.to_owned());
        let entry = snapshot.models.get(model).ok_or_else(unknown)?;
        let none = |what: &str| ControlError::Invalid(format!("model '{model}' has no {what}"));
        let current = entry.serving().ok_or_else(|| none("version that serves"))?.version;
        let listing = self.listing.as_ref().and_then(|listing| listing.models.get(model));
        let listed = listing.ok_or_else(unknown)?;
        let desired = self.desired.of(model);
        let shadow = entry.routes.shadow;
        let tried = self.known.0.get(model);
        let refused = |version: &Version, files: &VersionFiles| {
            let attempt = tried.and_then(|versions| versions.get(version));
            attempt.is_some_and(|a| a.refused && !a.live && a.tried == files.fingerprint)
        };
        let can_serve = |version: &Version| {
            *version != current
                && Some(*version) != shadow
                && listed.versions.get(version).is_some_and(|files| {
                    let digest = files.fingerprint.digest();
                    !refused(version, files)
                        && desired.is_none_or(|desired| desired.held(*version, &digest).is_none())
                })
        };
        let served = desired.into_iter().flat_map(|desired| desired.served.iter().rev());
        let lower = listed.versions.range(..current).rev().map(|(version, _)| version);
        let before = served.chain(lower).copied().find(|version| can_serve(version));
        let before = before.ok_or_else(|| none("version to go back to"))?;
        Ok((current, before))
    }
}
