//! What is served at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lifecycle::Ticket;
use super::live::LiveModel;
use super::routing::{Routes, Routing};
use crate::gate;
use crate::repository::Version;

/// All models at one moment. Never changed, only replaced.
#[derive(Default, Clone)]
pub struct Snapshot {
    pub models: BTreeMap<String, Model>,
    /// Every model that was there at the start has been loaded or has failed.
    pub complete: bool,
    /// Why the models' source cannot be read, if so; what was read before serves on.
    pub problem: Option<String>,
}

/// One model and its versions.
#[derive(Default, Clone)]
pub struct Model {
    pub versions: BTreeMap<Version, VersionEntry>,
    /// Why the model as a whole cannot be loaded, if so.
    pub problem: Option<String>,
    /// Which version answers.
    pub routing: Routing,
    pub routes: Routes,
    /// It left memory because nobody asked for it; a request brings it back.
    pub dormant: bool,
}

/// One version: what state it is in, and the model if it serves.
#[derive(Clone, Default)]
pub struct VersionEntry {
    pub state: State,
    /// Why, where that is not obvious.
    pub reason: String,
    /// The checks of files that their gate refused last.
    pub refused: Arc<[gate::Check]>,
    /// Set while this version serves, whatever `state` says: a version whose files have
    /// changed is loading and serving at once.
    pub live: Option<Arc<LiveModel>>,
    /// Set while files of this version are on their way.
    pub ticket: Option<Arc<Ticket>>,
}

/// The states of the Open Inference Protocol's repository index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    Loading,
    Ready,
    #[default]
    Unavailable,
    /// It gets no new requests; the last ones are being answered.
    Unloading,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Loading, Self::Ready, Self::Unavailable, Self::Unloading];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "LOADING",
            Self::Ready => "READY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unloading => "UNLOADING",
        }
    }
}

impl Model {
    /// The highest version that is live and no mere shadow: it serves requests that name none
    /// where no shares are set.
    #[must_use]
    pub fn serving(&self) -> Option<&Arc<LiveModel>> {
        let shadow = self.routes.shadow;
        let mut live = self.live().rev();
        live.clone().find(|live| Some(live.version) != shadow).or_else(|| live.next())
    }

    /// The version for a request that names none. Requests with one `key` go to one version.
    #[must_use]
    pub fn choose(&self, key: Option<&str>) -> Option<&Arc<LiveModel>> {
        if self.routes.shares.is_empty() {
            return self.serving();
        }
        let chosen = self.routes.choose(key, |version| self.live_version(version).is_some());
        chosen.and_then(|version| self.live_version(version)).or_else(|| self.serving())
    }

    /// Shares of the requests that name no version, by the versions that answer them now.
    #[must_use]
    pub fn traffic(&self) -> BTreeMap<Version, f64> {
        let shares = self.routes.shares.iter().filter(|(it, _)| self.live_version(*it).is_some());
        let total: f64 = shares.clone().map(|(_, weight)| f64::from(*weight)).sum();
        if total > 0.0 {
            return shares
                .map(|(version, weight)| (*version, f64::from(*weight) / total))
                .collect();
        }
        self.serving().map(|live| (live.version, 1.0)).into_iter().collect()
    }

    /// The version that answers most of the requests that name none.
    #[must_use]
    pub fn leading(&self) -> Option<&Arc<LiveModel>> {
        let traffic = self.traffic();
        let most = traffic.iter().max_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(b.0)));
        most.and_then(|(version, _)| self.live_version(*version))
    }

    /// This version, if it serves.
    #[must_use]
    pub fn live_version(&self, version: Version) -> Option<&Arc<LiveModel>> {
        self.versions.get(&version)?.live.as_ref()
    }

    /// The version that gets a copy of what `live` is asked, if another one serves as such.
    #[must_use]
    pub fn shadow_of(&self, live: &LiveModel) -> Option<&Arc<LiveModel>> {
        let shadow = self.routes.shadow.filter(|&version| version != live.version)?;
        self.live_version(shadow)
    }

    /// The live versions, lowest first.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Arc<LiveModel>> + Clone {
        self.versions.values().filter_map(|version| version.live.as_ref())
    }

    /// Its last requests are being answered, and nothing else is left of it.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        let mut entries = self.versions.values();
        self.problem.is_none()
            && !self.dormant
            && !self.versions.is_empty()
            && entries.all(|entry| entry.state == State::Unloading)
    }

    /// Something is loading that may yet serve.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.versions.values().any(|version| version.state == State::Loading)
    }

    /// The newest version that is there does not serve as it is there.
    #[must_use]
    pub fn newest_is_refused(&self) -> bool {
        let mut there =
            self.versions.values().rev().filter(|entry| entry.state != State::Unloading);
        let newest = there.next();
        self.problem.is_some()
            || newest.is_none_or(|newest| newest.live.is_none() || !newest.reason.is_empty())
    }

    /// Why nothing serves.
    #[must_use]
    pub fn reason(&self) -> String {
        self.problem.clone().unwrap_or_else(|| {
            self.versions
                .iter()
                .rev()
                .find(|(_, entry)| !entry.reason.is_empty())
                .map_or_else(String::new, |(version, entry)| {
                    format!("version {version}: {}", entry.reason)
                })
        })
    }
}

impl Snapshot {
    pub fn live_models(&self) -> impl Iterator<Item = &Arc<LiveModel>> {
        self.models.values().flat_map(Model::live)
    }

    /// The server should get traffic: the first load is over, and unless there is nothing
    /// to serve, something can be served. A source that cannot be read may have something.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let empty = self.models.is_empty() && self.problem.is_none();
        let dormant = self.models.values().any(|model| model.dormant);
        self.complete && (empty || dormant || self.live_models().next().is_some())
    }
}
