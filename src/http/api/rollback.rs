//! POST `/api/models/{model}/rollback`: back to the version that served before.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::ControlError;

#[derive(Serialize)]
struct Document {
    /// The version that serves now.
    serving: u64,
}

pub(in crate::http) async fn roll_back(
    State(api): State<Api>,
    Path(model): Path<String>,
) -> Response {
    match api.predictor.registry().roll_back(&model).await {
        Ok(serving) => reply::json(&Document { serving }),
        // Nothing came that could be malformed: what is there does not allow it.
        Err(ControlError::Invalid(reason)) => reply::problem(StatusCode::CONFLICT, &reason),
        Err(error) => super::refused(&error),
    }
}
