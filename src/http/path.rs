//! Path parameters. A path that cannot be decoded is refused in the form that every other
//! bad request gets.

use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Error;

pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // Parameters are texts, so nothing else can be wrong with them.
        let extract::Path(parameters) = extract::Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::Malformed("the path is not UTF-8".to_owned()))?;
        Ok(Self(parameters))
    }
}
