//! POST `/v2/models/{model}/infer`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::decode::{self, InferRequest};
use super::encode::{self, Wanted};
use super::{HEADER_LENGTH, Target};
use crate::away;
use crate::coding::{self, Coding};
use crate::http::body::Pieces;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::recorded::{self, Recorded};
use crate::http::{Api, body, exchange, reply};
use crate::predict::{self, Codec, Request, Watch};
use crate::registry::{LiveModel, Protocol};
use crate::telemetry::{Record, Timed};
use crate::tensor::json::NonFinite;
use crate::tensor::{DataType, Tensor, binary};

pub(in crate::http) async fn infer(
    State(api): State<Api>,
    Path(target): Path<Target>,
    headers: HeaderMap,
    Recorded(record): Recorded,
    body: Body,
) -> Response {
    let mut watch = api.predictor.watch(Protocol::V2, record);
    let answer = answer(&api, &mut watch, &target, &headers, body).await;
    exchange::conclude(&mut watch, answer)
}

async fn answer(
    api: &Api,
    watch: &mut Watch,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    // Read first, whatever comes of it: a connection with an unread body cannot be reused.
    let body = body::read_pieces(&api.config, headers, body).await?;
    if let Some(record) = watch.record() {
        came(record, headers, &body);
    }
    let asked = exchange::target(&target.model, target.version.as_deref(), headers)?;
    let live = api.predictor.resolve_awake(asked, watch.started()).await?;
    watch.resolved(&live);
    api.predictor.has_room(&live)?;
    let started = Instant::now();
    let request = decode(headers, body, &live).await?;
    let decode_time = Timed::since(started);
    let wanted = Wanted {
        outputs: encode::outputs(&live, &request.outputs, request.binary_outputs)?,
        non_finite: if request.strict_json { NonFinite::Null } else { NonFinite::Bare },
        id: request.id,
    };
    let (timeout, priority) = (request.timeout, request.priority);
    let ticket = exchange::ticket(&live, headers, wanted.id.as_deref(), &request.inputs)?;
    let request = Request { inputs: request.inputs, timeout, priority };
    let (mut answer, passed) = api.predictor.predict(&live, request, watch.started()).await?;
    let outputs = std::mem::take(&mut answer.outputs);
    let token = ticket.issue(&api.board, &live, &outputs)?;
    let rows = predict::rows(&live, &outputs);
    let started = Instant::now();
    let mut response = encode(headers, &live, wanted, outputs, watch.record().cloned()).await?;
    exchange::tell(&mut response, token);
    let codec = Codec { decode: decode_time, encode: Timed::since(started) };
    exchange::flag(&mut response, passed);
    exchange::time(&mut response, headers, &answer, &codec);
    watch.answered(&answer, rows, codec);
    Ok(response)
}

/// Tells the record of the body.
fn came(record: &Record, headers: &HeaderMap, body: &Pieces) {
    let length = body.len();
    let json = json_bytes(headers, length).ok().flatten();
    let copy = |copy: &mut Vec<u8>| body.each(|piece| copy.extend_from_slice(piece));
    record.came(recorded::body(length, json), copy);
}

async fn decode(
    headers: &HeaderMap,
    body: Pieces,
    live: &Arc<LiveModel>,
) -> Result<InferRequest, Error> {
    let length = body.len();
    let end = json_bytes(headers, length)?;
    let strings = live.signature().inputs.iter().any(|spec| spec.data_type == DataType::Bytes);
    let work = decoding_work(length, end, strings);
    exchange::work_on(live, work, move |live| match end {
        Some(0) => decode::decode_raw(body.split(0).1, live.signature()),
        end => {
            let (json, mut data) = body.split(end.unwrap_or(length));
            // Large tensors keep what they came in, and must not keep much else with it.
            if json.len() > length / 4 && length >= binary::KEPT {
                data = vec![data.concat().into()];
            }
            decode::decode(&json, data)
        }
    })
    .await
}

/// What [`exchange::work_on`] should count for decoding a body: binary numbers behind the JSON
/// are only copied, which takes a fraction of what as much JSON takes. Strings are not.
fn decoding_work(length: usize, json: Option<usize>, strings: bool) -> usize {
    match json {
        Some(json) if !strings => json + (length - json) / away::COPYING,
        _ => length,
    }
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
    record: Option<Record>,
) -> Result<Response, Error> {
    let bytes = exchange::json_bytes(&outputs);
    let coding = Coding::for_answer(headers, bytes);
    let work = exchange::encoding_work(bytes, coding);
    let encoded = exchange::work_on(live, work, move |live| {
        let mut encoded = encode::encode(live, &wanted, &outputs)?;
        if let Some(record) = &record {
            let body = recorded::body(encoded.body.len(), encoded.json_bytes);
            record.went(body, |copy| copy.extend_from_slice(&encoded.body));
        }
        encoded.body = coding::compress(coding, encoded.body);
        Ok(encoded)
    })
    .await?;
    let content_type = match encoded.json_bytes {
        Some(_) => HeaderValue::from_static("application/octet-stream"),
        None => reply::JSON,
    };
    let mut response = exchange::ok(live, content_type, coding, encoded.body);
    if let Some(length) = encoded.json_bytes {
        response.headers_mut().insert(HEADER_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}
