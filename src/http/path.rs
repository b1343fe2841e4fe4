//! Path parameters. A path that cannot be decoded is refused in the form that every other
//! bad request of it gets.

use axum::extract::{self, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::fallback;

pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // Parameters are texts, so nothing else can be wrong with them.
        let extract::Path(parameters) =
            extract::Path::from_request_parts(parts, state).await.map_err(|_| {
                fallback::answer(StatusCode::BAD_REQUEST, &parts.uri, "the path is not UTF-8")
            })?;
        Ok(Self(parameters))
    }
}
