//! `/v2/repository`: every model version and its state; loading and unloading.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, blocking, body, reply};
use crate::registry::{ControlError, Snapshot, State as VersionState};
use crate::repository::{Overlay, OverlayError};

#[derive(Default, Deserialize)]
struct Request {
    /// Only versions that serve.
    #[serde(default)]
    ready: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    version: String,
    state: &'static str,
    reason: &'a str,
}

pub(in crate::http) async fn index(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match request(&api, &headers, body).await {
        Ok(request) => {
            let snapshot = api.predictor.registry().snapshot();
            let mut entries = entries(&snapshot);
            entries.retain(|e| !request.ready || e.state == VersionState::Ready.as_str());
            reply::json(&entries)
        }
        Err(error) => error.into_response(),
    }
}

async fn request(api: &Api, headers: &HeaderMap, body: Body) -> Result<Request, Error> {
    let bytes = body::read_small(&api.config, headers, body).await?;
    if bytes.is_empty() {
        return Ok(Request::default());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Malformed(format!("malformed index request: {error}")))
}

fn entries(snapshot: &Snapshot) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let source = snapshot.problem.as_deref().unwrap_or_default();
    for (name, model) in &snapshot.models {
        if let Some(problem) = &model.problem
            && model.versions.is_empty()
        {
            let state = VersionState::Unavailable.as_str();
            entries.push(Entry { name, version: String::new(), state, reason: problem });
        }
        for (version, entry) in &model.versions {
            entries.push(Entry {
                name,
                version: version.to_string(),
                state: entry.state.as_str(),
                reason: match model.problem.as_deref().unwrap_or(&entry.reason) {
                    "" => source,
                    reason => reason,
                },
            });
        }
    }
    entries
}

/// What a request to load may say.
#[derive(Default, Deserialize)]
struct LoadRequest {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
}

/// Parameters that are no text mean nothing here.
#[derive(Deserialize)]
#[serde(untagged)]
enum Parameter {
    Text(String),
    Other(IgnoredAny),
}

pub(in crate::http) async fn load(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let overlay = match overlay(&api, &headers, body).await {
        Ok(overlay) => overlay,
        Err(error) => return error.into_response(),
    };
    done(api.predictor.registry().load(&model, overlay).await)
}

pub(in crate::http) async fn unload(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // What it says (`unload_dependents`) means nothing here, but it must be read.
    if let Err(error) = body::read_small(&api.config, &headers, body).await {
        return error.into_response();
    }
    done(api.predictor.registry().unload(&model).await)
}

/// An empty body where it went well, as Triton has it.
fn done(result: Result<(), ControlError>) -> Response {
    let Err(error) = result else { return Response::new(Body::empty()) };
    let status = match error {
        ControlError::UnknownModel(_) => StatusCode::NOT_FOUND,
        ControlError::Invalid(_) | ControlError::Failed(_) => StatusCode::BAD_REQUEST,
        ControlError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    };
    reply::error(status, &error.to_string())
}

async fn overlay(api: &Api, headers: &HeaderMap, body: Body) -> Result<Option<Overlay>, Error> {
    let bytes = body::read(&api.config, headers, body).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    // Files may be large.
    blocking(move || {
        let request: LoadRequest = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Malformed(format!("malformed load request: {error}")))?;
        let texts = request.parameters.into_iter().filter_map(|(name, value)| match value {
            Parameter::Text(text) => Some((name, text)),
            Parameter::Other(_) => None,
        });
        Overlay::of(texts).map_err(|error| match error {
            OverlayError::Invalid(reason) => Error::Malformed(reason),
            OverlayError::Unwritable(reason) => {
                tracing::error!(%reason, "files of a load request cannot be written");
                Error::Internal
            }
        })
    })
    .await?
}
