//! POST `/v2/models/{model}/infer`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::decode::{self, DecodeError, InferRequest};
use super::encode::{self, Encoded, Wanted};
use super::{HEADER_LENGTH, Target};
use crate::http::body::{self, INLINE_BYTES};
use crate::http::coding::{self, Coding};
use crate::http::error::Error;
use crate::http::{Api, blocking, reply};
use crate::predict::{Codec, Request, Watch};
use crate::registry::{LiveModel, Protocol};
use crate::tensor::json::NonFinite;
use crate::tensor::{Tensor, binary};

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.0)
    }
}

pub(in crate::http) async fn infer(
    State(api): State<Api>,
    Path(target): Path<Target>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut watch = api.predictor.watch(Protocol::V2);
    match answer(&api, &mut watch, &target, &headers, body).await {
        Ok(response) => response,
        Err(error) => {
            watch.failed(error.outcome(), error.refusal());
            error.into_response()
        }
    }
}

async fn answer(
    api: &Api,
    watch: &mut Watch,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    // Read first, whatever comes of it: a connection with an unread body cannot be reused.
    let body = body::read(&api.config, headers, body).await?;
    let live = api.predictor.resolve(&target.model, target.version.as_deref())?;
    watch.resolved(&live);
    let started = Instant::now();
    let request = decode(headers, body, &live).await?;
    let decode_time = started.elapsed();
    let wanted = Wanted {
        outputs: encode::outputs(&live, &request.outputs, request.binary_outputs)?,
        non_finite: if request.strict_json { NonFinite::Null } else { NonFinite::Bare },
        id: request.id,
    };
    let request = Request { inputs: request.inputs, timeout: request.timeout };
    let mut answer = api.predictor.predict(&live, request, watch.started()).await?;
    let outputs = std::mem::take(&mut answer.outputs);
    let rows = rows(&live, &outputs);
    let started = Instant::now();
    let response = encode(headers, &live, wanted, outputs).await?;
    let codec = Codec { decode: decode_time, encode: started.elapsed() };
    watch.answered(&answer, rows, codec);
    Ok(response)
}

/// Rows answered: those of the batch axis, or one where there is none.
fn rows(live: &LiveModel, outputs: &[Tensor]) -> usize {
    if live.model.batching().is_on() {
        outputs.first().and_then(Tensor::rows).unwrap_or(1)
    } else {
        1
    }
}

async fn decode(
    headers: &HeaderMap,
    body: Bytes,
    live: &Arc<LiveModel>,
) -> Result<InferRequest, Error> {
    let json_bytes = json_bytes(headers, body.len())?;
    if json_bytes == Some(0) {
        return Ok(decode::decode_raw(&body, live.signature())?);
    }
    if body.len() <= INLINE_BYTES {
        return Ok(decode::decode(&body, json_bytes)?);
    }
    Ok(blocking(move || decode::decode(&body, json_bytes)).await??)
}

/// Where the JSON ends, if the request says so.
fn json_bytes(headers: &HeaderMap, body: usize) -> Result<Option<usize>, Error> {
    let Some(value) = headers.get(&HEADER_LENGTH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    match text.parse::<usize>() {
        Ok(length) if length <= body => Ok(Some(length)),
        _ => Err(Error::Malformed(format!(
            "Inference-Header-Content-Length is '{text}', expected a number from 0 to the {body} bytes of the body"
        ))),
    }
}

async fn encode(
    headers: &HeaderMap,
    live: &Arc<LiveModel>,
    wanted: Wanted,
    outputs: Vec<Tensor>,
) -> Result<Response, Error> {
    let bytes: usize = outputs.iter().map(|output| binary::encoded_len(output.data())).sum();
    // JSON of floats is about three times their binary size.
    let coding = Coding::for_answer(headers, bytes * 3);
    if bytes * 3 <= INLINE_BYTES && coding == Coding::Identity {
        return Ok(respond(encode::encode(live, &wanted, &outputs)?, coding));
    }
    let live = Arc::clone(live);
    let encoded = blocking(move || {
        let mut encoded = encode::encode(&live, &wanted, &outputs)?;
        encoded.body = coding::compress(coding, encoded.body);
        Ok::<_, DecodeError>(encoded)
    });
    Ok(respond(encoded.await??, coding))
}

fn respond(encoded: Encoded, coding: Coding) -> Response {
    let content_type = match encoded.json_bytes {
        Some(_) => HeaderValue::from_static("application/octet-stream"),
        None => reply::JSON,
    };
    let mut response = Response::new(Body::from(encoded.body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Some(length) = encoded.json_bytes {
        headers.insert(HEADER_LENGTH, HeaderValue::from(length));
    }
    if let Some(value) = coding.header() {
        headers.insert(header::CONTENT_ENCODING, value);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}
