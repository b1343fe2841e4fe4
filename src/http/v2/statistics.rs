//! GET `…/stats`: running totals.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Target;
use crate::describe::ModelStatistics;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};

#[derive(Serialize)]
struct Document {
    model_stats: Vec<ModelStatistics>,
}

pub(in crate::http) async fn of_all(State(api): State<Api>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let model_stats = snapshot.live_models().map(|live| ModelStatistics::of(live)).collect();
    reply::json(&Document { model_stats })
}

pub(in crate::http) async fn of_model(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => reply::json(&Document { model_stats: vec![ModelStatistics::of(&live)] }),
        Err(error) => Error::from(error).into_response(),
    }
}
