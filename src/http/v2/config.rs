//! GET `…/config`: the model in the form of Triton's model configuration.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Target;
use crate::describe::Configuration;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};

pub(in crate::http) async fn config(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => reply::json(&Configuration::of(&live)),
        Err(error) => Error::from(error).into_response(),
    }
}
