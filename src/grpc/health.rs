//! `grpc.health.v1`: the server under the empty name and the protocol's, each model under its
//! own.

use std::ops::Not as _;
use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream::unfold;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::Api;
use super::calls::SERVICE;
use super::connection::Stop;
use crate::registry::Snapshot;

/// Answers probes.
pub(super) struct Checks {
    api: Api,
    stop: Stop,
}

impl Checks {
    pub(super) fn new(api: Api, stop: Stop) -> Self {
        Self { api, stop }
    }
}

/// Who is asked for by this name: `None` for somebody who is not there.
fn status(api: &Api, name: &str, snapshot: &Snapshot) -> Option<ServingStatus> {
    let serves = if name.is_empty() || name == SERVICE {
        api.readiness.is_ready(snapshot)
    } else {
        let Some(model) = snapshot.models.get(name).filter(|model| !model.is_leaving()) else {
            // Before the first look at the models is over nobody is known to be absent.
            return snapshot.complete.not().then_some(ServingStatus::NotServing);
        };
        // One that left memory comes back for whoever asks.
        let serves = model.dormant || model.serving().is_some();
        serves && !api.readiness.is_stopping()
    };
    Some(if serves { ServingStatus::Serving } else { ServingStatus::NotServing })
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Checks {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        let snapshot = self.api.predictor.registry().snapshot();
        let status = status(&self.api, &name, &snapshot);
        let status = status.ok_or_else(|| Status::not_found(format!("unknown service '{name}'")));
        Ok(Response::new(answer(status?)))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.into_inner().service;
        let watching = Watching { api: self.api.clone(), name, told: None };
        let stop = self.stop.clone();
        let changes = unfold(Some(watching), move |watching| {
            let stopped = stop.clone().stopped();
            async move {
                let mut watching = watching?;
                tokio::select! {
                    status = watching.next() => Some((Ok(answer(status?)), Some(watching))),
                    // Whoever watches must not hold up the end of the server, and hears of it.
                    () = stopped => watching.last().map(|last| (Ok(answer(last)), None)),
                }
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

/// One caller that is told of changes.
struct Watching {
    api: Api,
    name: String,
    told: Option<ServingStatus>,
}

impl Watching {
    /// What is to be said at the end, unless it was.
    fn last(&self) -> Option<ServingStatus> {
        let untold = |last: &ServingStatus| self.told != Some(*last);
        Some(ServingStatus::NotServing).filter(untold)
    }

    /// Waits until it is another than what was told.
    async fn next(&mut self) -> Option<ServingStatus> {
        let (api, name, told) = (&self.api, &self.name, self.told);
        let look = |snapshot: &Snapshot| {
            let now = status(api, name, snapshot).unwrap_or(ServingStatus::ServiceUnknown);
            Some(now).filter(|now| Some(*now) != told)
        };
        let mut stopping = api.readiness.stopping();
        let is_stopping = *stopping.borrow_and_update();
        let registry = api.predictor.registry();
        let changed = if is_stopping {
            registry.wait_for(look).await
        } else {
            tokio::select! {
                changed = registry.wait_for(look) => changed,
                _ = stopping.changed() => look(&registry.snapshot()),
            }
        };
        // Nothing was told otherwise by the end that came first.
        let changed = match changed {
            None if !is_stopping => registry.wait_for(look).await,
            changed => changed,
        };
        self.told = changed;
        changed
    }
}
