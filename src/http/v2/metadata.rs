//! GET `/v2` and `/v2/models/{model}`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Target;
use crate::describe::{ModelMetadata, ServerMetadata};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};

pub(in crate::http) async fn server() -> Response {
    reply::json(&ServerMetadata::THIS)
}

pub(in crate::http) async fn model(State(api): State<Api>, Path(target): Path<Target>) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => reply::json(&ModelMetadata::of(&live, &api.predictor.registry().snapshot())),
        Err(error) => Error::from(error).into_response(),
    }
}
