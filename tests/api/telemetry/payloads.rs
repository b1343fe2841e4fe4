//! Bodies as events of `CloudEvents`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onnxd::grpc::generated::model_infer_request::InferInputTensor;
use onnxd::grpc::generated::{InferTensorContents, ModelInferRequest, ModelInferResponse};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PARENT, scale_2};
use crate::support::{Manner, Server, Sink, floats, infer_path, predict_path};

pub(super) fn grpc_request() -> ModelInferRequest {
    let contents = InferTensorContents { fp32_contents: vec![1.0; 3], ..Default::default() };
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, 3],
        contents: Some(contents),
        ..Default::default()
    };
    let model_name = "scale_2".to_owned();
    ModelInferRequest { model_name, inputs: vec![input], ..Default::default() }
}

fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the log is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kind = |event: &Value| match event["type"].as_str() {
        Some("org.kubeflow.serving.inference.request") => "request",
        Some("org.kubeflow.serving.inference.response") => "response",
        other => panic!("{other:?}"),
    };
    events.iter().map(kind).collect()
}

#[test]
fn request_and_answer_are_two_events_of_one_id() {
    let (repository, directory) = (scale_2(), TempDir::new().expect("there is room"));
    let path = directory.path().join("payloads");
    let sink = format!("file:{}", path.display());
    let attributes = "inferenceservicename=iris,namespace=prod,component=predictor";
    let server = Server::start(
        repository.path(),
        &["--payload-log", &sink, "--payload-attributes", attributes],
    );
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]);
    let headers = [
        ("x-request-id", "seven"),
        ("authorization", "Bearer secret"),
        ("traceparent", PARENT),
        ("accept-encoding", "gzip"),
    ];
    let url = infer_path("scale_2") + "?token=secret";
    let answer = server.post_with(&url, request.to_string(), &headers);
    assert_eq!(answer.status, 200);
    server.stop();
    let events = events(&path);
    assert_eq!(kinds(&events), ["request", "response"]);
    for event in &events {
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "seven"),
            ("source", "/v2/models/scale_2/versions/1"),
            ("inferenceservicename", "iris"),
            ("namespace", "prod"),
            ("component", "predictor"),
            ("modelname", "scale_2"),
            ("modelversion", "1"),
            ("datacontenttype", "application/json"),
            ("traceparent", PARENT),
        ] {
            assert_eq!(event[name], value, "{name} of {event}");
        }
    }
    assert_eq!(events[0]["data"], request);
    assert_eq!(events[1]["data"]["outputs"][0]["data"], json!([2.0, 4.0, 6.0]));
    assert!(events[0]["time"].as_str() <= events[1]["time"].as_str());
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("secret"), "{text}");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn every_protocol_is_kept_as_its_callers_wrote_it() {
    let (repository, directory) = (scale_2(), TempDir::new().expect("there is room"));
    let path = directory.path().join("payloads");
    let sink = format!("file:{}", path.display());
    let server =
        Server::start(repository.path(), &["--payload-log", &sink, "--grpc-addr", "127.0.0.1:0"]);
    let v1 = server.post(&predict_path("scale_2"), r#"{"instances": [[1, 2, 3]]}"#);
    assert_eq!(v1.status, 200);
    let head = json!({
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3],
            "parameters": {"binary_data_size": 12}}],
        "parameters": {"binary_data_output": true},
    })
    .to_string();
    let blob: Vec<u8> = [1f32, 2.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let body = [head.as_bytes(), &blob].concat();
    let length = head.len().to_string();
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let binary = server.post_with(&infer_path("scale_2"), &body, &headers);
    assert_eq!(binary.status, 200);
    let answer = server.grpc().infer(grpc_request()).expect("it is right").into_inner();
    // What fails has no answer that is kept, as KServe has it.
    assert_eq!(server.post(&infer_path("scale_2"), "[NaN").status, 400);
    server.stop();
    let events = events(&path);
    let expected = ["request", "response", "request", "response", "request", "response", "request"];
    assert_eq!(kinds(&events), expected);
    let bytes = |event: &Value| {
        let text = event["data_base64"].as_str().unwrap_or_else(|| panic!("{event}"));
        STANDARD.decode(text).expect("it is base64")
    };
    assert_eq!(events[0]["data"], json!({"instances": [[1, 2, 3]]}));
    assert_eq!(events[1]["data"], v1.json());
    assert_eq!(bytes(&events[2]), body);
    assert_eq!(events[2]["headerlength"], length);
    assert_eq!(bytes(&events[3]), binary.body);
    let told = binary.header("inference-header-content-length").expect("it is binary");
    assert_eq!(events[3]["headerlength"], told);
    let came = ModelInferRequest::decode(&bytes(&events[4])[..]).expect("it is a message");
    assert_eq!(came, grpc_request());
    let went = ModelInferResponse::decode(&bytes(&events[5])[..]).expect("it is a message");
    assert_eq!(went, answer);
    assert_eq!(events[4]["datacontenttype"], "application/protobuf");
    assert_eq!(bytes(&events[6]), b"[NaN");
}

#[test]
fn a_web_server_gets_the_binary_form() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(202)));
    let url = sink.url() + "/broker";
    let server =
        Server::start(repository.path(), &["--payload-log", &url, "--payload-mode", "response"]);
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let headers = [("ce-id", "from \u{7e} KServe"), ("traceparent", PARENT), ("tracestate", "a=1")];
    let answer = server.post_with(&infer_path("scale_2"), request, &headers);
    let [posted] = &sink.wait_for(1)[..] else { panic!("one event") };
    server.stop();
    assert_eq!((posted.path.as_str(), &posted.body), ("/broker", &answer.body));
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "from%20~%20KServe"),
        ("ce-type", "org.kubeflow.serving.inference.response"),
        ("ce-source", "/v2/models/scale_2/versions/1"),
        ("ce-inferenceservicename", "scale_2"),
        ("ce-traceparent", PARENT),
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
    ] {
        assert_eq!(posted.header(name), Some(value), "{posted:?}");
    }
    assert_eq!(sink.posted().len(), 1, "requests are not kept");
}

#[test]
fn bodies_that_are_too_large_and_ids_that_are_not_chosen_are_left_out() {
    let (repository, directory) = (scale_2(), TempDir::new().expect("there is room"));
    let path = directory.path().join("payloads");
    let sink = format!("file:{}", path.display());
    let server = Server::start(
        repository.path(),
        &["--payload-log", &sink, "--payload-max-bytes", "400", "--payload-mode", "request"],
    );
    let ask = |rows: usize| {
        let request = floats(&[rows, 3], &vec![1.0; rows * 3]);
        assert_eq!(server.infer("scale_2", &request).status, 200);
    };
    ask(1);
    ask(200);
    let dropped = r#"onnxd_payloads_dropped_total{reason="too_large"}"#;
    assert_eq!(server.metric(dropped), 1);
    server.stop();
    assert_eq!(events(&path).len(), 1);
    let server =
        Server::start(repository.path(), &["--payload-log", &sink, "--payload-sample", "0"]);
    assert_eq!(server.infer("scale_2", &floats(&[1, 3], &[1.0; 3])).status, 200);
    server.stop();
    assert_eq!(events(&path).len(), 1);
}

#[test]
fn files_are_bounded_in_size_and_number() {
    let (repository, directory) = (scale_2(), TempDir::new().expect("there is room"));
    let path = directory.path().join("payloads");
    let sink = format!("file:{}", path.display());
    let server = Server::start(
        repository.path(),
        &["--payload-log", &sink, "--payload-file-bytes", "2kB", "--payload-files", "3"],
    );
    super::ask_soon(&server, 20);
    server.stop();
    let mut sizes: Vec<(String, u64)> = fs::read_dir(directory.path())
        .expect("it is there")
        .map(|entry| {
            let entry = entry.expect("it can be read");
            let size = entry.metadata().expect("it is there").len();
            (entry.file_name().into_string().expect("a name"), size)
        })
        .collect();
    sizes.sort();
    let names: Vec<&str> = sizes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["payloads", "payloads.1", "payloads.2"]);
    assert!(sizes.iter().all(|(_, size)| (1..=2000).contains(size)), "{sizes:?}");
    for name in names {
        assert!(!events(&directory.path().join(name)).is_empty());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_once() {
    let address = ["--http-addr", "127.0.0.1:0"];
    let sink = ["--payload-log", "file:/proc/nothing"];
    let run = crate::support::onnxd(&[&["serve", "x"], &address[..], &sink].concat());
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("the payload log '/proc/nothing' cannot be written"), "{run:?}");
}
