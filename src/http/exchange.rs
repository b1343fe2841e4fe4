//! What the prediction handlers of all protocols share.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::blocking;
use super::coding::Coding;
use super::error::Error;
use crate::contract::Passed;
use crate::predict::{Target, Watch};
use crate::registry::LiveModel;
use crate::tensor::json::JsonError;
use crate::tensor::{Tensor, binary};

/// Larger pieces of work (decoding, encoding, compression) leave the I/O thread; below this
/// they take some tens of microseconds, about what handing them over costs.
const INLINE_BYTES: usize = 32 * 1024;

/// What is wrong with a request; the message is for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct DecodeError(pub(super) String);

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        Self(format!("malformed JSON: {error}"))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.0)
    }
}

/// The answer to the client, with its failure accounted for.
pub(super) fn conclude(watch: &mut Watch, answer: Result<Response, Error>) -> Response {
    answer.unwrap_or_else(|error| {
        watch.failed(error.outcome(), error.refusal());
        error.into_response()
    })
}

/// Does work on about so many bytes: here if they are few, else away from the I/O threads.
pub(super) async fn work_on<T: Send + 'static>(
    live: &Arc<LiveModel>,
    bytes: usize,
    work: impl FnOnce(&LiveModel) -> Result<T, DecodeError> + Send + 'static,
) -> Result<T, Error> {
    if bytes <= INLINE_BYTES {
        return Ok(work(live)?);
    }
    let live = Arc::clone(live);
    Ok(blocking(move || work(&live)).await??)
}

/// About the size of the outputs as JSON: three times their binary size, for floats.
pub(super) fn json_bytes(outputs: &[Tensor]) -> usize {
    outputs.iter().map(|output| 3 * binary::encoded_len(output.data())).sum()
}

/// What [`work_on`] should count for encoding so many bytes: compression is always worth
/// leaving the I/O thread for.
pub(super) fn encoding_work(bytes: usize, coding: Coding) -> usize {
    if coding == Coding::Identity { bytes } else { usize::MAX }
}

/// Rows answered: those of the batch axis, or one where there is none.
pub(super) fn rows(live: &LiveModel, outputs: &[Tensor]) -> usize {
    if live.model.batching().is_on() {
        outputs.first().and_then(Tensor::rows).unwrap_or(1)
    } else {
        1
    }
}

/// Requests with the same value here go to the same version.
const ROUTING_KEY: HeaderName = HeaderName::from_static("x-routing-key");

/// The version that answered.
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

/// What the prediction came of: the digest of the model file, its contract, its reference.
const LINEAGE: HeaderName = HeaderName::from_static("onnxd-lineage");

/// What a request for a prediction asks for.
pub(super) fn target<'a>(
    model: &'a str,
    version: Option<&'a str>,
    headers: &'a HeaderMap,
) -> Result<Target<'a>, Error> {
    let key = headers.get(ROUTING_KEY).map(HeaderValue::to_str).transpose();
    let key = key.map_err(|_| Error::Malformed(format!("{ROUTING_KEY} is not ASCII text")))?;
    Ok(Target { model, version, key })
}

const VIOLATIONS: HeaderName = HeaderName::from_static("onnxd-contract-violations");
const REPAIRED: HeaderName = HeaderName::from_static("onnxd-contract-repaired");

/// Says in an answer what its contract found in the request.
pub(super) fn flag(response: &mut Response, passed: Passed) {
    for (name, count) in [(VIOLATIONS, passed.warned), (REPAIRED, passed.repaired)] {
        if count > 0 {
            response.headers_mut().insert(name, HeaderValue::from(count));
        }
    }
}

/// 200 with a body that `coding` was applied to.
pub(super) fn ok(
    live: &LiveModel,
    content_type: HeaderValue,
    coding: Coding,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(MODEL_VERSION, HeaderValue::from(live.version));
    // Copied: a shared value has a count that all cores would write.
    if let Ok(lineage) = HeaderValue::from_str(&live.lineage.field) {
        headers.insert(LINEAGE, lineage);
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Some(value) = coding.header() {
        headers.insert(header::CONTENT_ENCODING, value);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}
