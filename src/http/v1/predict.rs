//! POST `/v1/models/{model}:predict`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::decode::{self, DecodeError, PredictRequest};
use super::encode;
use crate::http::body::{self, INLINE_BYTES};
use crate::http::coding::{self, Coding};
use crate::http::error::Error;
use crate::http::{Api, blocking, reply};
use crate::predict::{Codec, Request, Watch};
use crate::registry::{LiveModel, Protocol};
use crate::tensor::binary;

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.0)
    }
}

pub(in crate::http) async fn predict(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match model.rsplit_once(':') {
        Some((model, "predict")) => respond(&api, model, None, &headers, body).await,
        _ => unknown_verb(&model),
    }
}

pub(in crate::http) async fn predict_version(
    State(api): State<Api>,
    Path((model, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match version.rsplit_once(':') {
        Some((version, "predict")) => respond(&api, &model, Some(version), &headers, body).await,
        _ => unknown_verb(&version),
    }
}

fn unknown_verb(segment: &str) -> Response {
    if let Some((_, verb)) = segment.rsplit_once(':') {
        let message = format!("unknown verb ':{verb}', expected ':predict'");
        return reply::error(StatusCode::NOT_FOUND, &message);
    }
    let message = "POST needs a verb, as in /v1/models/NAME:predict";
    let mut response = reply::error(StatusCode::METHOD_NOT_ALLOWED, message);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
    response
}

async fn respond(
    api: &Api,
    model: &str,
    version: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let mut watch = api.predictor.watch(Protocol::V1);
    match answer(api, &mut watch, (model, version), headers, body).await {
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
    (model, version): (&str, Option<&str>),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = body::read(&api.config, headers, body).await?;
    let live = api.predictor.resolve(model, version)?;
    watch.resolved(&live);
    let started = Instant::now();
    let request = if body.len() <= INLINE_BYTES {
        decode::decode(&body, live.signature())?
    } else {
        let live = Arc::clone(&live);
        blocking(move || decode::decode(&body, live.signature())).await??
    };
    let decode_time = started.elapsed();
    let PredictRequest { form, inputs, rows } = request;
    let request = Request { inputs, timeout: None };
    let mut answer = api.predictor.predict(&live, request, watch.started()).await?;
    let outputs = std::mem::take(&mut answer.outputs);
    let started = Instant::now();
    let bytes: usize = outputs.iter().map(|output| binary::encoded_len(output.data())).sum();
    let coding = Coding::for_answer(headers, bytes * 3);
    let count = answer_rows(&live, rows, &outputs);
    let encode = {
        let live = Arc::clone(&live);
        move || {
            let text = encode::encode(form, rows, live.signature(), &outputs)?;
            Ok::<_, DecodeError>(coding::compress(coding, text))
        }
    };
    let text = if bytes * 3 <= INLINE_BYTES && coding == Coding::Identity {
        encode()?
    } else {
        blocking(encode).await??
    };
    let codec = Codec { decode: decode_time, encode: started.elapsed() };
    watch.answered(&answer, count, codec);
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, reply::JSON);
    if let Some(value) = coding.header() {
        response.headers_mut().insert(header::CONTENT_ENCODING, value);
    }
    Ok(response)
}

fn answer_rows(live: &LiveModel, instances: usize, outputs: &[crate::tensor::Tensor]) -> usize {
    if live.model.batching().is_on() {
        outputs.first().and_then(crate::tensor::Tensor::rows).unwrap_or(instances)
    } else {
        1
    }
}
