//! POST `/v1/models/{model}:predict`.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::decode::{self, PredictRequest};
use super::encode;
use crate::coding::{self, Coding};
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::recorded::{self, Recorded};
use crate::http::{Api, body, exchange, reply};
use crate::predict::{self, Codec, Priority, Request, Watch};
use crate::registry::{LiveModel, Protocol};
use crate::telemetry::{Record, Timed};

pub(in crate::http) async fn predict(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    Recorded(record): Recorded,
    body: Body,
) -> Response {
    match model.rsplit_once(':') {
        Some((model, "predict")) => respond(&api, (model, None), &headers, record, body).await,
        _ => unknown_verb(&model),
    }
}

pub(in crate::http) async fn predict_version(
    State(api): State<Api>,
    Path((model, version)): Path<(String, String)>,
    headers: HeaderMap,
    Recorded(record): Recorded,
    body: Body,
) -> Response {
    match version.rsplit_once(':') {
        Some((version, "predict")) => {
            respond(&api, (&model, Some(version)), &headers, record, body).await
        }
        _ => unknown_verb(&version),
    }
}

/// Whether the last segment of a path ends in the verb.
pub(in crate::http) fn is_called(segment: &str) -> bool {
    segment.ends_with(":predict")
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
    target: (&str, Option<&str>),
    headers: &HeaderMap,
    record: Option<Record>,
    body: Body,
) -> Response {
    let mut watch = api.predictor.watch(Protocol::V1, record);
    let answer = answer(api, &mut watch, target, headers, body).await;
    exchange::conclude(&mut watch, answer)
}

async fn answer(
    api: &Api,
    watch: &mut Watch,
    (model, version): (&str, Option<&str>),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = body::read(&api.config, headers, body).await?;
    if let Some(record) = watch.record() {
        record.came(recorded::json(body.len()), |copy| copy.extend_from_slice(&body));
    }
    let asked = exchange::target(model, version, headers)?;
    let live = api.predictor.resolve_awake(asked, watch.started()).await?;
    watch.resolved(&live);
    api.predictor.has_room(&live)?;
    let started = Instant::now();
    let bytes = body.len();
    let decode = move |live: &LiveModel| decode::decode(&body, live.signature());
    let PredictRequest { form, inputs, rows } = exchange::work_on(&live, bytes, decode).await?;
    let decode = Timed::since(started);
    let ticket = exchange::ticket(&live, headers, None, &inputs)?;
    let request = Request { inputs, timeout: None, priority: Priority::default() };
    let (mut answer, passed) = api.predictor.predict(&live, request, watch.started()).await?;
    let outputs = std::mem::take(&mut answer.outputs);
    let token = ticket.issue(&api.board, &live, &outputs)?;
    let answered_rows = predict::rows(&live, &outputs);
    let started = Instant::now();
    let bytes = exchange::json_bytes(&outputs);
    let coding = Coding::for_answer(headers, bytes);
    let work = exchange::encoding_work(bytes, coding);
    let record = watch.record().cloned();
    let text = exchange::work_on(&live, work, move |live| {
        let text = encode::encode(form, rows, live.signature(), &outputs)?;
        if let Some(record) = &record {
            record.went(recorded::json(text.len()), |copy| copy.extend_from_slice(&text));
        }
        Ok(coding::compress(coding, text))
    })
    .await?;
    let codec = Codec { decode, encode: Timed::since(started) };
    watch.answered(&answer, answered_rows, codec);
    let mut response = exchange::ok(&live, reply::JSON, coding, text);
    exchange::flag(&mut response, passed);
    exchange::tell(&mut response, token);
    Ok(response)
}
