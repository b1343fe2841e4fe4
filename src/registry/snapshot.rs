//! What is served at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::live::LiveModel;
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
}

/// One version: what state it is in, and the model if it serves.
#[derive(Clone)]
pub struct VersionEntry {
    pub state: State,
    /// Why, where that is not obvious.
    pub reason: String,
    /// Set while this version serves, whatever `state` says: a version whose files have
    /// changed is loading and serving at once.
    pub live: Option<Arc<LiveModel>>,
}

/// The states of the Open Inference Protocol's repository index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Loading,
    Ready,
    Unavailable,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Loading, Self::Ready, Self::Unavailable];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "LOADING",
            Self::Ready => "READY",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl Model {
    /// The version that serves requests which name none: the highest that is live.
    #[must_use]
    pub fn serving(&self) -> Option<&Arc<LiveModel>> {
        self.versions.values().rev().find_map(|version| version.live.as_ref())
    }

    /// The live versions, lowest first.
    pub fn live(&self) -> impl Iterator<Item = &Arc<LiveModel>> {
        self.versions.values().filter_map(|version| version.live.as_ref())
    }

    /// Something is loading that may yet serve.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.versions.values().any(|version| version.state == State::Loading)
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
        self.complete && (empty || self.live_models().next().is_some())
    }
}
