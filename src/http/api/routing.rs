//! `/api/models/{model}/routing`: labels, shares of the traffic, the shadow.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::{malformed, refused};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, body, reply};
use crate::registry::{ControlError, Kept, Routing};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    routing: &'a Routing,
    /// Whether it outlives a restart; absent where nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
}

pub(in crate::http) async fn get(State(api): State<Api>, Path(model): Path<String>) -> Response {
    document(&api, model, None)
}

pub(in crate::http) async fn put(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match read(&api, &headers, body).await {
        Ok(routing) => change(&api, model, Some(routing)).await,
        Err(error) => malformed(&error),
    }
}

/// Back to what `model.toml` says.
pub(in crate::http) async fn delete(State(api): State<Api>, Path(model): Path<String>) -> Response {
    change(&api, model, None).await
}

async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Routing, Error> {
    let bytes = body::read_small(&api.config, headers, body).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Malformed(format!("malformed routing: {error}")))
}

async fn change(api: &Api, model: String, routing: Option<Routing>) -> Response {
    match api.predictor.registry().route(&model, routing).await {
        Ok(Kept(kept)) => document(api, model, Some(kept)),
        Err(error) => refused(&error),
    }
}

fn document(api: &Api, model: String, kept: Option<bool>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    match snapshot.models.get(&model) {
        Some(found) => reply::json(&Document { routing: &found.routing, kept }),
        None => refused(&ControlError::UnknownModel(model)),
    }
}
