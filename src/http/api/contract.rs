//! `/api/models/{model}/contract` and `/quarantine`: what was found in the data, and the rows.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::refused;
use crate::contract::{Contract, Report};
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::{ControlError, Model};

#[derive(Serialize)]
struct Reports<'a> {
    model: &'a str,
    /// By version, those that serve and have a contract.
    versions: BTreeMap<u64, Report<'a>>,
}

pub(in crate::http) async fn report(State(api): State<Api>, Path(model): Path<String>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let versions = contracts(found).map(|(version, contract)| (version, contract.report()));
    reply::json(&Reports { model: &model, versions: versions.collect() })
}

/// One JSON document a line.
pub(in crate::http) async fn quarantine(
    State(api): State<Api>,
    Path(model): Path<String>,
) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let text: String = contracts(found).map(|(_, contract)| contract.quarantine()).collect();
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn contracts(model: &Model) -> impl Iterator<Item = (u64, &Contract)> {
    model
        .versions
        .iter()
        .filter_map(|(version, entry)| Some((*version, entry.live.as_ref()?.contract.as_deref()?)))
}
