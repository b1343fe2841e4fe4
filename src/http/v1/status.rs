//! GET `/v1/models…`: states and signatures. One document pleases two readers: TensorFlow
//! Serving's clients look at `model_version_status`, KServe's at `ready`.

use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::predict;
use crate::describe::{TensorMetadata, outputs, tensors};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, fallback, reply};
use crate::predict::{Error as PredictError, Target};
use crate::registry::{Model, Snapshot, State as VersionState, VersionEntry};

#[derive(Serialize)]
struct Models {
    models: Vec<String>,
}

#[derive(Serialize)]
struct Status {
    name: String,
    ready: bool,
    #[serde(rename = "model_version_status")]
    versions: Vec<VersionStatus>,
}

#[derive(Serialize)]
struct VersionStatus {
    version: String,
    state: &'static str,
    status: Code,
}

#[derive(Serialize)]
struct Code {
    error_code: &'static str,
    error_message: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    version: &'a str,
    platform: &'static str,
    inputs: Vec<TensorMetadata<'a>>,
    outputs: Vec<TensorMetadata<'a>>,
}

pub(in crate::http) async fn list(State(api): State<Api>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    reply::json(&Models { models: snapshot.models.keys().cloned().collect() })
}

pub(in crate::http) async fn model(
    State(api): State<Api>,
    Path(name): Path<String>,
    method: Method,
    uri: Uri,
) -> Response {
    if predict::is_called(&name) {
        return fallback::method_not_allowed(method, uri).await;
    }
    match api.predictor.registry().snapshot().models.get(&name) {
        Some(model) => reply::json(&status(&name, model, |_| true)),
        None => unknown(name, None),
    }
}

pub(in crate::http) async fn version(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
    method: Method,
    uri: Uri,
) -> Response {
    if predict::is_called(&version) {
        return fallback::method_not_allowed(method, uri).await;
    }
    let snapshot = api.predictor.registry().snapshot();
    let number: Option<u64> = version.parse().ok();
    respond(&snapshot, name, version, number)
}

pub(in crate::http) async fn label(
    State(api): State<Api>,
    Path((name, label)): Path<(String, String)>,
    method: Method,
    uri: Uri,
) -> Response {
    if predict::is_called(&label) {
        return fallback::method_not_allowed(method, uri).await;
    }
    let snapshot = api.predictor.registry().snapshot();
    let labelled = snapshot.models.get(&name).and_then(|model| model.routes.labels.get(&label));
    let number = labelled.copied();
    respond(&snapshot, name, label, number)
}

fn respond(snapshot: &Snapshot, name: String, asked: String, number: Option<u64>) -> Response {
    match (snapshot.models.get(&name), number) {
        (Some(model), Some(number)) if model.versions.contains_key(&number) => {
            reply::json(&status(&name, model, |version| version == number))
        }
        _ => unknown(name, Some(asked)),
    }
}

pub(in crate::http) async fn metadata(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Response {
    match api.predictor.resolve(Target::new(&name, None)) {
        Ok(live) => reply::json(&Metadata {
            name: &live.name,
            version: &live.version_text,
            platform: "onnx_onnxv1",
            inputs: tensors(&live.signature().inputs),
            outputs: outputs(&live),
        }),
        Err(error) => Error::from(error).into_response(),
    }
}

fn unknown(model: String, version: Option<String>) -> Response {
    Error::from(PredictError::UnknownModel { model, version }).into_response()
}

fn status(name: &str, model: &Model, wanted: impl Fn(u64) -> bool) -> Status {
    let versions: Vec<VersionStatus> = model
        .versions
        .iter()
        .filter(|(version, _)| wanted(**version))
        .map(|(version, entry)| version_status(*version, entry))
        .collect();
    let ready = versions.iter().any(|version| version.state == "AVAILABLE");
    Status { name: name.to_owned(), ready, versions }
}

fn version_status(version: u64, entry: &VersionEntry) -> VersionStatus {
    let (state, error_code) = match (&entry.live, entry.state) {
        (Some(_), _) => ("AVAILABLE", "OK"),
        (None, VersionState::Loading) => ("LOADING", "OK"),
        (None, VersionState::Unloading) => ("UNLOADING", "OK"),
        (None, _) => ("END", "UNKNOWN"),
    };
    let error_message = if entry.live.is_some() { String::new() } else { entry.reason.clone() };
    let status = Code { error_code, error_message };
    VersionStatus { version: version.to_string(), state, status }
}
