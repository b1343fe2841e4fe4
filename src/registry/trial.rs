//! Fresh versions on trial: those whose owner set limits, until their window is over. The
//! version before stays in memory meanwhile, so that taking back is one switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::live::LiveModel;
use super::snapshot::Snapshot;
use crate::repository::{Listing, Version};

#[derive(Default)]
pub(super) struct Trials(BTreeMap<String, Trial>);

struct Trial {
    live: Arc<LiveModel>,
    /// The version that comes back.
    before: Version,
    until: Instant,
}

/// The end of a trial.
pub(super) struct End {
    pub(super) model: String,
    pub(super) version: Version,
    /// The limit that was broken.
    pub(super) broken: Option<String>,
}

impl Trials {
    /// Puts a version on trial, if it has limits and there is one to go back to. A version
    /// that comes while another is on trial is tried against the same one before.
    pub(super) fn begin(&mut self, live: &Arc<LiveModel>, before: Option<Version>) {
        let limits = &live.rollback;
        let before = self.0.get(&live.name).map(|trial| trial.before).or(before);
        // A lower version than the one before is no news: somebody went back to it. With the
        // higher one in memory, that would go on serving.
        let Some(before) = before.filter(|&version| version < live.version) else { return };
        if limits.max_error_rate.is_none() && limits.max_latency_p99.is_none() {
            return;
        }
        let until = Instant::now() + limits.window;
        self.0.insert(live.name.clone(), Trial { live: Arc::clone(live), before, until });
    }

    pub(super) fn runs(&self, model: &str, version: Version) -> bool {
        self.0.get(model).is_some_and(|trial| trial.live.version == version)
    }

    /// The version to keep in memory.
    pub(super) fn standby(&self, model: &str) -> impl Iterator<Item = Version> {
        self.0.get(model).map(|trial| trial.before).into_iter()
    }

    /// Without the version before there is nothing to go back to, and nothing to try.
    pub(super) fn keep(&mut self, listing: &Listing) {
        self.0.retain(|model, trial| {
            let Some(model) = listing.models.get(model) else { return false };
            let before = &trial.before;
            // Where a model cannot be read, nothing is known of its versions.
            model.settings.is_err()
                || model.versions.contains_key(before)
                || model.changing.contains(before)
        });
    }

    pub(super) fn forget(&mut self, model: &str) {
        self.0.remove(model);
    }

    /// Trials that have ended by now: passed, failed, or the version is gone.
    pub(super) fn ended(&mut self, snapshot: &Snapshot) -> Vec<End> {
        let now = Instant::now();
        let mut ends = Vec::new();
        self.0.retain(|model, trial| {
            let live = &trial.live;
            let current = snapshot.models.get(model).and_then(|m| m.live_version(live.version));
            if !current.is_some_and(|current| Arc::ptr_eq(current, live)) {
                return false;
            }
            let broken = live.counts.broken(&live.rollback);
            let over = broken.is_some() || now >= trial.until;
            if over {
                ends.push(End { model: model.clone(), version: live.version, broken });
            }
            !over
        });
        ends
    }
}
