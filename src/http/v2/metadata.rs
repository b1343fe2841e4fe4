//! GET `/v2` and `/v2/models/{model}`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Target;
use crate::engine::{Label, Role, TensorSpec};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::LiveModel;

/// What is offered beyond the protocol itself.
const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "parameters", "statistics"];

#[derive(Serialize)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 5],
}

#[derive(Serialize)]
struct ModelMetadata<'a> {
    name: &'a str,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata<'a>>,
    outputs: Vec<TensorMetadata<'a>>,
}

/// One input or output, as the protocol describes it.
#[derive(Serialize)]
pub(in crate::http) struct TensorMetadata<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<TensorParameters<'a>>,
}

/// What the columns of a tensor stand for.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum TensorParameters<'a> {
    /// The features of an input.
    Features(&'a [Label]),
    /// The classes of an output.
    Labels(&'a [Label]),
}

pub(in crate::http) fn tensors(specs: &[TensorSpec]) -> Vec<TensorMetadata<'_>> {
    specs
        .iter()
        .map(|spec| TensorMetadata {
            name: &spec.name,
            datatype: spec.data_type.as_str(),
            shape: spec.wire_shape(),
            parameters: spec.columns.as_ref().map(|columns| match columns.role() {
                Role::Features | Role::SparseFeatures => {
                    TensorParameters::Features(columns.names())
                }
                Role::Classes | Role::ClassMap => TensorParameters::Labels(columns.names()),
            }),
        })
        .collect()
}

pub(in crate::http) async fn server() -> Response {
    reply::json(&ServerMetadata {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        extensions: EXTENSIONS,
    })
}

pub(in crate::http) async fn model(State(api): State<Api>, Path(target): Path<Target>) -> Response {
    match api.predictor.resolve(&target.model, target.version.as_deref()) {
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
