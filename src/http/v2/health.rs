//! GET `/v2/models/{model}/ready`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Target;
use crate::describe;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, health};

pub(in crate::http) async fn model_ready(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match describe::is_model_ready(&api.predictor, target.as_asked()) {
        Ok(ready) => health::ready_answer(ready),
        Err(error) => Error::from(error).into_response(),
    }
}
