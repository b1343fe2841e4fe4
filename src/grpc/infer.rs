//! `ModelInfer`.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use prost::Message as _;

use super::error::Error;
use super::generated::{ModelInferRequest, ModelInferResponse};
use super::head::Head;
use super::reply::{Reply, reply};
use super::{Api, decode, encode, given};
use crate::away;
use crate::coding::Coding;
use crate::contract::Passed;
use crate::predict::{self, Codec, Malformed, Output, Target, Ticket, Watch, names};
use crate::registry::{LiveModel, Protocol};
use crate::telemetry::{Body, Form, Timed};
use crate::tensor::Tensor;

pub(super) async fn infer(
    api: &Api,
    head: &mut Head,
    coding: Coding,
    request: ModelInferRequest,
) -> Result<Reply, Error> {
    let started = Instant::now();
    let token = head.headers.get(names::TOKEN_ASKED).is_some_and(|value| value == "true");
    let Head { headers, timeout: given_time, watch, .. } = head;
    let watch = watch.get_or_insert_with(|| api.predictor.watch(Protocol::Grpc, None));
    let live = resolve(api, watch, headers, &request).await?;
    watch.resolved(&live);
    api.predictor.has_room(&live)?;
    let wishes = decode::wishes(&request)?;
    // The shorter of both that a caller can set.
    let timeout = [wishes.timeout, *given_time].into_iter().flatten().min();
    let wanted = wanted(&live, &request)?;
    let work = decode::work(&request);
    let ModelInferRequest { id, inputs, raw_input_contents: raw, .. } = request;
    let inputs = away::run(work, move || decode::inputs(inputs, raw)).await??;
    let decode = Timed::since(started);
    let own_id = headers.get(names::PREDICTION_ID).and_then(|value| value.to_str().ok());
    let ticket = Ticket::of(&live, token, own_id.or(given(&id)), &inputs)?;
    let request = predict::Request { inputs, timeout, priority: wishes.priority };
    let (mut answer, passed) = api.predictor.predict(&live, request, watch.started()).await?;
    let outputs = std::mem::take(&mut answer.outputs);
    let token = ticket.issue(&api.board, &live, &outputs)?;
    let rows = predict::rows(&live, &outputs);
    let encoding = Instant::now();
    let response = encoded(&live, id, wanted, outputs).await?;
    if let Some(record) = watch.record() {
        record.went(body(response.encoded_len()), |copy| {
            copy.extend_from_slice(&response.encode_to_vec());
        });
    }
    let mut reply = reply(response, coding).await?;
    let encode = Timed::since(encoding);
    watch.answered(&answer, rows, Codec { decode, encode });
    tell(&mut reply.metadata, &live, passed, token);
    Ok(reply)
}

/// The message of a call, for its record.
pub(super) fn body(bytes: usize) -> Body {
    Body { bytes, form: Form::Protobuf }
}

async fn resolve(
    api: &Api,
    watch: &Watch,
    headers: &HeaderMap,
    request: &ModelInferRequest,
) -> Result<Arc<LiveModel>, Error> {
    let key = headers.get(names::ROUTING_KEY).map(HeaderValue::to_str).transpose();
    let key =
        key.map_err(|_| Error::Malformed(format!("{} is not ASCII text", names::ROUTING_KEY)))?;
    let version = given(&request.model_version);
    let target = Target { key, ..Target::new(&request.model_name, version) };
    Ok(api.predictor.resolve_awake(target, watch.started()).await?)
}

fn wanted(live: &LiveModel, request: &ModelInferRequest) -> Result<Vec<Output>, Malformed> {
    if request.outputs.is_empty() {
        return Ok(Output::all(live).collect());
    }
    let wanted: Vec<_> = request.outputs.iter().map(decode::wanted).collect::<Result<_, _>>()?;
    Output::named(live, wanted.into_iter())
}

async fn encoded(
    live: &Arc<LiveModel>,
    id: String,
    wanted: Vec<Output>,
    outputs: Vec<Tensor>,
) -> Result<ModelInferResponse, Error> {
    let (live, work) = (Arc::clone(live), encode::work(&wanted, &outputs));
    Ok(away::run(work, move || encode::encode(&live, id, &wanted, &outputs)).await??)
}

/// What the headers of HTTP say of an answer.
fn tell(metadata: &mut HeaderMap, live: &LiveModel, passed: Passed, token: Option<String>) {
    for (name, count) in [(names::VIOLATIONS, passed.warned), (names::REPAIRED, passed.repaired)] {
        if count > 0 {
            metadata.insert(name, HeaderValue::from(count));
        }
    }
    if let Ok(lineage) = HeaderValue::from_str(&live.lineage.field) {
        metadata.insert(names::LINEAGE, lineage);
    }
    if let Some(Ok(token)) = token.as_deref().map(HeaderValue::from_str) {
        metadata.insert(names::TOKEN, token);
    }
}
