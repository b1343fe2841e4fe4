//! `/v2/repository`: every model version and its state; loading and unloading.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::away;
use crate::describe;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, body, document, reply};
use crate::registry::ControlError;
use crate::repository::{Overlay, OverlayError, OverlayValue};

#[derive(Default, Deserialize)]
struct Request {
    /// Only versions that serve.
    #[serde(default)]
    ready: bool,
}

pub(in crate::http) async fn index(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match request(&api, &headers, body).await {
        Ok(request) => {
            let snapshot = api.predictor.registry().snapshot();
            reply::json(&describe::index(&snapshot, request.ready))
        }
        Err(error) => error.into_response(),
    }
}

async fn request(api: &Api, headers: &HeaderMap, body: Body) -> Result<Request, Error> {
    let bytes = body::read_small(&api.config, headers, body).await?;
    if bytes.is_empty() {
        return Ok(Request::default());
    }
    document::object(&bytes, "index request")
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
    away::blocking(move || {
        let request: LoadRequest = document::object(&bytes, "load request")?;
        let texts = request.parameters.into_iter().filter_map(|(name, value)| match value {
            Parameter::Text(text) => Some((name, OverlayValue::Text(text))),
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
