//! GET `/api/models/{model}/example`: a request to begin with.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::{refused, serving};
use crate::away;
use crate::gate;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::query::Query;
use crate::http::{Api, reply};
use crate::registry::ControlError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Asked {
    version: Option<String>,
}

pub(in crate::http) async fn get(
    State(api): State<Api>,
    Path(model): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let live = match serving(found, &model, asked.version.as_deref()) {
        Ok(live) => Arc::clone(live),
        Err(response) => return *response,
    };
    if let Some(golden) = &live.gate.example {
        return answer(live.version, "golden", golden);
    }
    // Noughts may be many.
    let of = Arc::clone(&live);
    match away::blocking(move || gate::of_noughts(of.signature())).await {
        Ok(Ok(noughts)) => answer(live.version, "signature", &noughts),
        Ok(Err(none)) => reply::problem(StatusCode::NOT_FOUND, &none.to_string()),
        Err(lost) => super::malformed(&Error::from(lost)),
    }
}

/// The request is JSON already.
fn answer(version: u64, source: &str, request: &str) -> Response {
    let text = format!(r#"{{"version":{version},"source":"{source}","request":{request}}}"#);
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, reply::JSON);
    response
}
