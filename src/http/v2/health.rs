//! GET `/v2/models/{model}/ready`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Target;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, health};
use crate::predict::Kind;

pub(in crate::http) async fn model_ready(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(_) => health::ready_answer(true),
        Err(error) if error.kind() == Kind::NotFound => Error::from(error).into_response(),
        Err(_) => health::ready_answer(false),
    }
}
