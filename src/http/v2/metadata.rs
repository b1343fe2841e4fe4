//! GET `/v2` and `/v2/models/{model}`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Target;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::tensors::{TensorMetadata, tensors};
use crate::http::{Api, reply};
use crate::registry::LiveModel;

/// What is offered beyond the protocol itself.
const EXTENSIONS: [&str; 7] = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
];

#[derive(Serialize)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 7],
}

#[derive(Serialize)]
struct ModelMetadata<'a> {
    name: &'a str,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata<'a>>,
    outputs: Vec<TensorMetadata<'a>>,
}

pub(in crate::http) async fn server() -> Response {
    reply::json(&ServerMetadata {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        extensions: EXTENSIONS,
    })
}

pub(in crate::http) async fn model(State(api): State<Api>, Path(target): Path<Target>) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => describe(&api, &live),
        Err(error) => Error::from(error).into_response(),
    }
}

fn describe(api: &Api, live: &LiveModel) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let versions = snapshot
        .models
        .get(&live.name)
        .map(|model| model.live().map(|live| live.version_text.clone()).collect())
        .unwrap_or_default();
    reply::json(&ModelMetadata {
        name: &live.name,
        versions,
        platform: "onnx_onnxv1",
        inputs: tensors(&live.signature().inputs),
        outputs: tensors(&live.signature().outputs),
    })
}
