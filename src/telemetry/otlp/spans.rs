//! The spans of a request: one for the server, and children for the parts of its time. Names and
//! attributes are those of OpenTelemetry's semantic conventions where these have one, else they
//! begin with `onnxd.`.

use std::time::{Duration, Instant, SystemTime};

use super::Finished;
use super::messages::{self, KeyValue, Span, Status};
use crate::telemetry::record::{Begun, Call, Ended, Facts, Trace};

/// Spans of one request, at most.
pub(super) const MOST: usize = 5;

/// How many spans there will be.
pub(super) fn count(facts: &Facts) -> u64 {
    if facts.stages.is_some() { MOST as u64 } else { 1 }
}

/// Adds the spans of a request. `id` gives ids that no other span has.
pub(super) fn add(spans: &mut Vec<Span>, finished: &Finished, mut id: impl FnMut() -> [u8; 8]) {
    let begun = &finished.record.0.begun;
    let Some(trace) = &begun.trace else { return };
    let parent = trace.parent.map_or_else(Vec::new, |parent| parent.0.to_vec());
    let remote = if parent.is_empty() { 0 } else { messages::IS_REMOTE };
    spans.push(Span {
        parent_span_id: parent,
        name: name(&begun.call),
        kind: messages::SERVER,
        attributes: attributes(begun, finished),
        status: is_error(finished.ended)
            .then(|| Status { message: String::new(), code: messages::ERROR }),
        flags: messages::SAMPLED | messages::HAS_IS_REMOTE | remote,
        ..span(trace, trace.context.span.0, begun, (begun.started, finished.took))
    });
    let Some(stages) = &finished.facts.stages else { return };
    for (name, timed) in [
        ("decode", stages.decode),
        ("queue", stages.queue),
        ("infer", stages.infer),
        ("encode", stages.encode),
    ] {
        let batch = || KeyValue::number("onnxd.batch.rows", stages.batch_rows);
        spans.push(Span {
            parent_span_id: trace.context.span.0.to_vec(),
            name: name.to_owned(),
            kind: messages::INTERNAL,
            attributes: if name == "infer" { vec![batch()] } else { Vec::new() },
            flags: messages::SAMPLED | messages::HAS_IS_REMOTE,
            ..span(trace, id(), begun, (timed.started, timed.took))
        });
    }
}

fn span(trace: &Trace, id: [u8; 8], begun: &Begun, (from, took): (Instant, Duration)) -> Span {
    let start = begun.at + from.saturating_duration_since(begun.started);
    Span {
        trace_id: trace.context.trace.0.to_vec(),
        span_id: id.to_vec(),
        trace_state: trace.state.clone(),
        start_time_unix_nano: nanos(start),
        end_time_unix_nano: nanos(start + took),
        ..Span::default()
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What is called, never any text of a caller.
fn name(call: &Call) -> String {
    match call {
        Call::Http { method, route: Some(route), .. } => format!("{} {route}", known(method)),
        Call::Http { method, route: None, .. } => match known(method) {
            OTHER => "HTTP".to_owned(),
            method => method.to_owned(),
        },
        Call::Grpc { method, is_known: true } => method.clone(),
        Call::Grpc { is_known: false, .. } => OTHER.to_owned(),
    }
}

const OTHER: &str = "_OTHER";

fn known(method: &str) -> &str {
    const METHODS: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    if METHODS.contains(&method) { method } else { OTHER }
}

fn attributes(begun: &Begun, finished: &Finished) -> Vec<KeyValue> {
    let mut all = vec![KeyValue::text("onnxd.request.id", begun.id.clone())];
    match &begun.call {
        Call::Http { method, path, route } => {
            all.push(KeyValue::text("http.request.method", known(method)));
            if known(method) == OTHER {
                all.push(KeyValue::text("http.request.method_original", method.clone()));
            }
            all.push(KeyValue::text("url.path", path.clone()));
            all.extend(route.map(|route| KeyValue::text("http.route", route)));
        }
        Call::Grpc { method, is_known } => {
            all.push(KeyValue::text("rpc.system.name", "grpc"));
            let (name, original) =
                if *is_known { (method.as_str(), None) } else { (OTHER, Some(method.clone())) };
            all.push(KeyValue::text("rpc.method", name));
            all.extend(original.map(|name| KeyValue::text("rpc.method_original", name)));
        }
    }
    let mut outcome = finished.facts.outcome;
    let error = match finished.ended {
        Ended::Http(status) => {
            all.push(KeyValue::number("http.response.status_code", status));
            status.to_string()
        }
        Ended::Grpc { code, .. } => {
            all.push(KeyValue::text("rpc.response.status_code", code));
            code.to_owned()
        }
        Ended::Cancelled => {
            outcome = outcome.or(Some("cancelled"));
            String::new()
        }
    };
    if is_error(finished.ended) {
        all.push(KeyValue::text("error.type", outcome.map_or(error, str::to_owned)));
    }
    all.extend(outcome.map(|outcome| KeyValue::text("onnxd.outcome", outcome)));
    let Facts { model, rows, request_bytes, response_bytes, .. } = &finished.facts;
    if let Some((model, version)) = model {
        all.push(KeyValue::text("onnxd.model.name", model.clone()));
        all.push(KeyValue::text("onnxd.model.version", version.to_string()));
    }
    all.extend(rows.map(|rows| KeyValue::number("onnxd.rows", rows)));
    for (name, bytes) in
        [("onnxd.request.bytes", request_bytes), ("onnxd.response.bytes", response_bytes)]
    {
        all.extend(bytes.map(|bytes| KeyValue::number(name, bytes)));
    }
    all
}

/// Whether the server failed: what a caller did wrong is none of its errors.
fn is_error(ended: Ended) -> bool {
    match ended {
        Ended::Http(status) => status >= 500,
        Ended::Grpc { is_ours, .. } => is_ours,
        Ended::Cancelled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_server_and_not_of_callers() {
        let http = |method: &str, route| {
            name(&Call::Http { method: method.to_owned(), path: "/x/secret".to_owned(), route })
        };
        assert_eq!(http("POST", Some("/v2/{model}")), "POST /v2/{model}");
        assert_eq!(http("GET", None), "GET");
        assert_eq!(http("BREW", None), "HTTP");
        assert_eq!(http("BREW", Some("/v2/{model}")), "_OTHER /v2/{model}");
        let grpc = |is_known| name(&Call::Grpc { method: "a.B/C".to_owned(), is_known });
        assert_eq!((grpc(true).as_str(), grpc(false).as_str()), ("a.B/C", "_OTHER"));
    }
}
