//! Query parameters. What is wrong with them is said in the form that every other bad request of
//! the path gets.

use axum::extract::{self, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::fallback;

pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match extract::Query::try_from_uri(&parts.uri) {
            Ok(extract::Query(parameters)) => Ok(Self(parameters)),
            Err(error) => {
                Err(fallback::answer(StatusCode::BAD_REQUEST, &parts.uri, &error.body_text()))
            }
        }
    }
}
