//! What the prediction handlers of all protocols share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::error::Error;
use crate::away;
use crate::coding::Coding;
use crate::contract::Passed;
use crate::predict::{Codec, Malformed, NamedTensor, Target, Ticket, Watch, names};
use crate::registry::LiveModel;
use crate::scheduler::Answer;
use crate::tensor::json::JsonError;
use crate::tensor::{Tensor, binary};

/// What is wrong with a request; the message is for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct DecodeError(pub(super) String);

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        Self(format!("malformed JSON: {error}"))
    }
}

impl From<Malformed> for DecodeError {
    fn from(error: Malformed) -> Self {
        Self(error.0)
    }
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
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
    // Not cloned for little work: the count is one that all cores would write.
    if bytes <= away::INLINE_BYTES {
        return Ok(work(live)?);
    }
    let live = Arc::clone(live);
    Ok(away::blocking(move || work(&live)).await??)
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

const ROUTING_KEY: HeaderName = HeaderName::from_static(names::ROUTING_KEY);

/// The version that answered.
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

const LINEAGE: HeaderName = HeaderName::from_static(names::LINEAGE);

/// What a request for a prediction asks for.
pub(super) fn target<'a>(
    model: &'a str,
    version: Option<&'a str>,
    headers: &'a HeaderMap,
) -> Result<Target<'a>, Error> {
    Ok(Target { model, version, key: text_of(headers, &ROUTING_KEY)? })
}

/// The text of a header, if it is there.
fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let text = headers.get(name).map(HeaderValue::to_str).transpose();
    text.map_err(|_| Error::Malformed(format!("{name} is not ASCII text")))
}

const TOKEN_ASKED: HeaderName = HeaderName::from_static(names::TOKEN_ASKED);
const TOKEN: HeaderName = HeaderName::from_static(names::TOKEN);
const PREDICTION_ID: HeaderName = HeaderName::from_static(names::PREDICTION_ID);

/// What a request wants to hold on to: what its headers ask for, or the protocol's own `id`.
pub(super) fn ticket(
    live: &LiveModel,
    headers: &HeaderMap,
    id: Option<&str>,
    inputs: &[NamedTensor],
) -> Result<Ticket, Error> {
    let token = headers.get(&TOKEN_ASKED).is_some_and(|value| value == "true");
    let id = text_of(headers, &PREDICTION_ID)?.or(id);
    Ok(Ticket::of(live, token, id, inputs)?)
}

/// Says in an answer which token it has.
pub(super) fn tell(response: &mut Response, token: Option<String>) {
    if let Some(Ok(token)) = token.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(TOKEN, token);
    }
}

const TIMING_ASKED: HeaderName = HeaderName::from_static(names::TIMING_ASKED);
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Says in an answer how long its parts took, in milliseconds, to whoever asks for that.
pub(super) fn time(response: &mut Response, asked: &HeaderMap, answer: &Answer, codec: &Codec) {
    if asked.get(&TIMING_ASKED).is_none_or(|value| value != "true") {
        return;
    }
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let (decode, encode) = (ms(codec.decode.took), ms(codec.encode.took));
    let (queue, infer) = (ms(answer.queued), ms(answer.infer));
    let text = format!(
        "decode;dur={decode:.3}, queue;dur={queue:.3}, infer;dur={infer:.3}, encode;dur={encode:.3}"
    );
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
}

const VIOLATIONS: HeaderName = HeaderName::from_static(names::VIOLATIONS);
const REPAIRED: HeaderName = HeaderName::from_static(names::REPAIRED);

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
