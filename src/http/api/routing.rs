//! `/api/models/{model}/routing`: labels, shares of the traffic, the shadow.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::{malformed, refused};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, body, document, reply};
use crate::registry::{ControlError, Routed, Routing};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    routing: &'a Routing,
    /// Whether it outlives a restart; absent where nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
}

pub(in crate::http) async fn get(State(api): State<Api>, Path(model): Path<String>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    match snapshot.models.get(&model) {
        Some(found) => document(&found.routing, None),
        None => refused(&ControlError::UnknownModel(model)),
    }
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
    document::object(&bytes, "routing")
}

async fn change(api: &Api, model: String, routing: Option<Routing>) -> Response {
    match api.predictor.registry().route(&model, routing).await {
        Ok(Routed { routing, kept }) => document(&routing, Some(kept)),
        Err(error) => refused(&error),
    }
}

fn document(routing: &Routing, kept: Option<bool>) -> Response {
    reply::json(&Document { routing, kept })
}
