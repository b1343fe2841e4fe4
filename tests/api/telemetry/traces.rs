//! Spans as they reach a collector.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use onnxd::telemetry::otlp::messages::{
    AnyValue, ERROR, ExportTraceServiceRequest, INTERNAL, KeyValue, SERVER, Span, Value,
};
use prost::Message as _;
use serde_json::json;

use super::{PARENT, TRACE_ID, ask_soon, scale_2};
use crate::support::{Manner, Posted, Repository, Server, Sink, floats, infer_path};

/// All spans of what was posted.
fn spans(posted: &[Posted]) -> Vec<Span> {
    let requests = posted.iter().map(|posted| {
        assert_eq!(posted.path, "/v1/traces");
        assert_eq!(posted.header("content-type"), Some("application/x-protobuf"));
        ExportTraceServiceRequest::decode(&posted.body[..]).expect("it is OTLP")
    });
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|of| of.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn attributes(all: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |pair: &KeyValue| match &pair.value {
        Some(AnyValue { value: Some(Value::String(text)) }) => text.clone(),
        Some(AnyValue { value: Some(Value::Int(number)) }) => number.to_string(),
        other => panic!("{other:?}"),
    };
    all.iter().map(|pair| (pair.key.as_str(), text(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Starts a server that traces this share of what comes without a trace.
fn start(repository: &Repository, sink: &Sink, share: &str, more: &[&str]) -> Server {
    let url = sink.url();
    let own = ["--otlp-endpoint", &url, "--trace-sample", share];
    Server::start(repository.path(), &[&own[..], more].concat())
}

/// Ends the server, and gives what the collector has by then.
fn all_spans(server: Server, sink: &Sink) -> Vec<Span> {
    server.stop();
    spans(&sink.posted())
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    u64::try_from(now.as_nanos()).expect("it is before the year 2554")
}

#[test]
fn a_request_in_a_trace_has_a_span_in_it_with_a_child_for_each_part_of_its_time() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(200)));
    let server = start(&repository, &sink, "0", &["--service-name", "iris"]);
    let before = now();
    let request = floats(&[2, 3], &[1.0; 6]).to_string();
    let headers = [("traceparent", PARENT), ("tracestate", "a=1"), ("x-request-id", "seven")];
    let path = infer_path("scale_2") + "?token=secret";
    assert_eq!(server.post_with(&path, &request, &headers).status, 200);
    let after = now();
    let spans = all_spans(server, &sink);
    let [root, stages @ ..] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(root.name, "POST /v2/models/{model}/infer");
    assert_eq!((root.kind, root.flags, &root.status), (SERVER, 0x301, &None));
    assert_eq!(hex(&root.parent_span_id), "00f067aa0ba902b7");
    assert!(before <= root.start_time_unix_nano && root.end_time_unix_nano <= after);
    let said = attributes(&root.attributes);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v2/models/{model}/infer"),
        ("url.path", "/v2/models/scale_2/infer"),
        ("http.response.status_code", "200"),
        ("onnxd.request.id", "seven"),
        ("onnxd.model.name", "scale_2"),
        ("onnxd.model.version", "1"),
        ("onnxd.rows", "2"),
        ("onnxd.request.bytes", &request.len().to_string()),
    ] {
        assert_eq!(said.get(name).map(String::as_str), Some(value), "{name} of {said:?}");
    }
    let names: Vec<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["decode", "queue", "infer", "encode"]);
    let mut at = root.start_time_unix_nano;
    for span in stages {
        assert_eq!((span.kind, span.flags), (INTERNAL, 0x101));
        assert_eq!(span.parent_span_id, root.span_id);
        // One after the other, within the whole.
        assert!(at <= span.start_time_unix_nano, "{spans:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        at = span.end_time_unix_nano;
    }
    assert!(at <= root.end_time_unix_nano);
    assert_eq!(attributes(&stages[2].attributes)["onnxd.batch.rows"], "2");
    for span in &spans {
        assert_eq!(hex(&span.trace_id), TRACE_ID);
        assert_eq!(span.trace_state, "a=1");
        let same = spans.iter().filter(|other| other.span_id == span.span_id).count();
        assert!(span.span_id.len() == 8 && same == 1, "{spans:?}");
    }
    let whole = sink.posted().iter().flat_map(|posted| posted.body.clone()).collect::<Vec<_>>();
    assert!(!String::from_utf8_lossy(&whole).contains("secret"), "no query is told");
}

#[test]
fn the_resource_says_which_service_it_is() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(200)));
    let server = start(&repository, &sink, "1", &["--service-name", "iris"]);
    ask_soon(&server, 1);
    server.stop();
    let posted = sink.posted();
    let request = ExportTraceServiceRequest::decode(&posted[0].body[..]).expect("it is OTLP");
    let of = &request.resource_spans[0];
    let resource = of.resource.as_ref().expect("there is one");
    assert_eq!(attributes(&resource.attributes)["service.name"], "iris");
    assert_eq!(of.scope_spans[0].scope.as_ref().expect("there is one").name, "onnxd");
}

#[test]
fn a_caller_that_samples_is_followed_and_one_that_does_not_is_not() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(200)));
    let not = PARENT.replace("-01", "-00");
    let ask = |server: &Server, parent: &str| {
        let body = floats(&[1, 3], &[1.0; 3]).to_string();
        let headers = [("traceparent", parent)];
        assert_eq!(server.post_with(&infer_path("scale_2"), body, &headers).status, 200);
    };
    let server = start(&repository, &sink, "1", &[]);
    ask(&server, &not);
    // No trace at all: one that is spoilt is as good as none, and one begins.
    ask(&server, &PARENT.replace("00-4", "ff-4"));
    let spans = all_spans(server, &sink);
    let roots: Vec<&Span> = spans.iter().filter(|span| span.kind == SERVER).collect();
    let [root] = roots[..] else { panic!("{roots:?}") };
    assert!(root.parent_span_id.is_empty() && hex(&root.trace_id) != TRACE_ID);
    assert_eq!(root.flags, 0x101);
    let sink = Sink::start(Manner::Says(200));
    let server = start(&repository, &sink, "0", &[]);
    ask_soon(&server, 5);
    assert_eq!(all_spans(server, &sink), []);
}

#[test]
fn failures_of_the_server_are_errors_and_those_of_callers_are_not() {
    let repository = scale_2();
    let sink = Sink::start(Manner::Says(200));
    let server = start(&repository, &sink, "0", &[]);
    let ask = |path: &str, body: &str, expected: u16| {
        let answer = server.post_with(path, body, &[("traceparent", PARENT)]);
        assert_eq!(answer.status, expected, "{answer:?}");
    };
    ask("/v2/models/nobody/infer", "{}", 404);
    ask("/nowhere/secret-path", "{}", 404);
    ask(&infer_path("scale_2"), "no JSON", 400);
    let spans = all_spans(server, &sink);
    let kinds: Vec<_> = spans
        .iter()
        .map(|span| {
            let mut said = attributes(&span.attributes);
            assert_eq!(said.get("error.type"), None);
            let outcome = said.remove("onnxd.outcome");
            (span.name.as_str(), span.status.as_ref().map(|status| status.code), outcome)
        })
        .collect();
    let kind = |name, outcome: Option<&str>| (name, None, outcome.map(str::to_owned));
    let infer = "POST /v2/models/{model}/infer";
    let expected =
        [kind(infer, Some("not_found")), kind("POST", None), kind(infer, Some("invalid"))];
    assert_eq!(kinds, expected);
}

#[test]
fn a_panic_is_an_error_of_the_server() {
    let repository = Repository::with(&["divide_by_zero"]);
    let sink = Sink::start(Manner::Says(200));
    let server = start(&repository, &sink, "0", &[]);
    let input = |name: &str, value: i64| json!({"name": name, "datatype": "INT64", "shape": [1], "data": [value]});
    let body = json!({"inputs": [input("x", 1), input("by", 0)]});
    let path = infer_path("divide_by_zero");
    let answer = server.post_with(&path, body.to_string(), &[("traceparent", PARENT)]);
    assert_eq!(answer.status, 500, "{answer:?}");
    let failed = server.logged("request failed");
    assert_eq!(failed["trace_id"], TRACE_ID);
    server.stop_after(&["request failed", "made-up values", "an operator panicked"]);
    let spans = spans(&sink.posted());
    let status = spans[0].status.as_ref().expect("it has one");
    assert_eq!(status.code, ERROR);
    assert_eq!(attributes(&spans[0].attributes)["error.type"], "failed");
}

#[test]
fn a_call_of_grpc_has_the_same_spans_under_its_own_name() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(200)));
    let server = start(&repository, &sink, "0", &["--grpc-addr", "127.0.0.1:0"]);
    let grpc = server.grpc();
    let mut request = tonic::Request::new(super::payloads::grpc_request());
    request.metadata_mut().insert("traceparent", PARENT.parse().expect("it is ASCII"));
    grpc.infer(request).expect("it is right");
    let status = grpc.post(
        "/inference.GRPCInferenceService/Nothing",
        tonic::body::Body::empty(),
        &[("traceparent", PARENT)],
    );
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    drop(grpc);
    let spans = all_spans(server, &sink);
    let root = spans.iter().find(|span| span.name.ends_with("ModelInfer")).expect("it is there");
    assert_eq!(root.name, "inference.GRPCInferenceService/ModelInfer");
    let said = attributes(&root.attributes);
    assert_eq!(said["rpc.system.name"], "grpc");
    assert_eq!(said["rpc.method"], "inference.GRPCInferenceService/ModelInfer");
    assert_eq!(said["rpc.response.status_code"], "OK");
    assert_eq!((said["onnxd.model.name"].as_str(), said["onnxd.rows"].as_str()), ("scale_2", "1"));
    let children = spans.iter().filter(|span| span.parent_span_id == root.span_id);
    let names: Vec<&str> = children.map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["decode", "queue", "infer", "encode"]);
    let other = spans.iter().find(|span| span.name == "_OTHER").expect("it is there");
    assert_eq!(other.status.as_ref().map(|status| status.code), Some(ERROR));
}
