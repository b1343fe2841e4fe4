//! Which version answers a request.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout_at;

use super::{Error, Predictor, Wake};
use crate::registry::{LiveModel, Model, Snapshot, State};
use crate::repository::Version;

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub model: &'a str,
    /// A version, or the label of one.
    pub version: Option<&'a str>,
    /// Requests with one key go to one version, as long as the shares stay as they are.
    pub key: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// The model, and a version if one is named.
    #[must_use]
    pub fn new(model: &'a str, version: Option<&'a str>) -> Self {
        Self { model, version, key: None }
    }
}

impl Predictor {
    /// The model version that answers now.
    ///
    /// # Errors
    /// [`Error`] if there is none, or if it does not serve now.
    pub fn resolve(&self, target: Target<'_>) -> Result<Arc<LiveModel>, Error> {
        resolve(&self.registry.snapshot(), target)
    }

    /// The same; a model that left memory is brought back.
    ///
    /// # Errors
    /// As [`Predictor::resolve`], and if it is not back in time.
    pub async fn resolve_awake(
        &self,
        target: Target<'_>,
        started: Instant,
    ) -> Result<Arc<LiveModel>, Error> {
        let snapshot = self.registry.snapshot();
        let found = resolve(&snapshot, target);
        let asleep = snapshot.models.get(target.model).is_some_and(|model| model.dormant);
        if found.is_ok() || !asleep {
            return found;
        }
        drop(snapshot);
        self.registry.wake(target.model);
        if self.config.wake == Wake::Refuse {
            return Err(Error::starting(target.model));
        }
        let settled = |snapshot: &Snapshot| {
            let found = resolve(snapshot, target);
            let model = snapshot.models.get(target.model);
            let on_its_way = model.is_some_and(|model| model.dormant || model.is_loading());
            (found.is_ok() || !on_its_way).then_some(found)
        };
        let deadline = started + self.config.deadline;
        let waited = timeout_at(deadline.into(), self.registry.wait_for(settled)).await;
        waited.ok().flatten().unwrap_or_else(|| Err(Error::starting(target.model)))
    }
}

fn resolve(snapshot: &Snapshot, target: Target<'_>) -> Result<Arc<LiveModel>, Error> {
    let unknown = || Error::UnknownModel {
        model: target.model.to_owned(),
        version: target.version.map(str::to_owned),
    };
    let present = snapshot.models.get(target.model).filter(|model| !model.is_leaving());
    let Some(model) = present else {
        // Before the first look at the repository is over, nothing is known to be absent.
        return Err(if snapshot.complete { unknown() } else { Error::starting(target.model) });
    };
    let Some(version) = target.version else {
        return model.choose(target.key).cloned().ok_or_else(|| Error::NotReady {
            model: target.model.to_owned(),
            loading: model.is_loading() || model.dormant,
            reason: model.reason(),
        });
    };
    let number = number(model, version).ok_or_else(unknown)?;
    match model.versions.get(&number) {
        None if model.dormant => Err(Error::starting(target.model)),
        None => Err(unknown()),
        Some(entry) if entry.state == State::Unloading => Err(unknown()),
        Some(entry) => entry.live.clone().ok_or_else(|| Error::NotReady {
            model: format!("{}' version '{version}", target.model),
            loading: entry.state == State::Loading,
            reason: entry.reason.clone(),
        }),
    }
}

/// The version of this number or label.
fn number(model: &Model, version: &str) -> Option<Version> {
    version.parse().ok().or_else(|| model.routes.labels.get(version).copied())
}
