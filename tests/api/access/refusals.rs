//! How refusals look, and that nothing is read or told with them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::start;
use crate::support::{Repository, floats, infer_path};

#[test]
fn a_key_is_taken_from_either_header() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &[]);
    let key = keys.get("predict");
    let body = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let bearer = format!("Bearer {key}");
    for header in [("authorization", bearer.as_str()), ("x-api-key", key)] {
        let answer = server.post_with(&infer_path("scale_1"), &body, &[header]);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let basic = server.post_with(&infer_path("scale_1"), &body, &[("authorization", key)]);
    let message = "a key is needed: 'Authorization: Bearer KEY' or 'X-API-Key: KEY'".to_owned();
    assert_eq!(basic.error(), (401, message));
    server.stop();
}

#[test]
fn a_request_that_is_refused_is_refused_before_its_body_is_read() {
    let repository = Repository::with(&["scale_1"]);
    let (server, _keys) = start(&repository, &[]);
    let mut connection = server.connect();
    let asked = Instant::now();
    // Announced, asked whether to send it, and never sent.
    let head = "POST /v2/models/scale_1/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\
                Expect: 100-continue\r\n\r\n";
    connection.send(head.as_bytes());
    assert_eq!(connection.answer().status, 401);
    assert!(asked.elapsed() < Duration::from_secs(10), "it waited for the body");
    server.stop();
}

#[test]
fn whoever_sends_a_body_with_a_request_that_is_refused_reads_the_answer() {
    let repository = Repository::with(&["scale_1"]);
    let (server, _keys) = start(&repository, &[]);
    for length in [0, 1000, 200_000] {
        let body = vec![b'1'; length];
        for _ in 0..20 {
            let answer = server.connect().post(&infer_path("scale_1"), &body);
            assert_eq!(answer.status, 401);
        }
    }
    server.stop();
}

#[test]
fn paths_that_are_not_there_need_no_key_to_be_missing() {
    let repository = Repository::with(&["scale_1"]);
    let (server, _keys) = start(&repository, &[]);
    assert_eq!(server.get("/nowhere").status, 404);
    assert_eq!(server.delete("/v1/models").status, 405);
    server.stop();
}

#[test]
fn keys_are_never_written_anywhere() {
    let repository = Repository::with(&["scale_1"]);
    let arguments = ["--log-filter", "trace", "--grpc-addr", "127.0.0.1:0"];
    let (server, keys) = start(&repository, &arguments);
    let mut answers = String::new();
    for key in keys.all().chain(["onnxd_wrong_key"]) {
        let bearer = format!("Bearer {key}");
        for header in [("authorization", bearer.as_str()), ("x-api-key", key)] {
            for path in ["/v2/models/scale_1/infer", "/v2/repository/models/scale_1/load"] {
                let answer = server.post_with(path, "{}", &[header]);
                write!(answers, "{answer:?}").expect("it is a string");
            }
            let grpc = server.grpc();
            let body = tonic::body::Body::empty();
            let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
            let head = grpc.head(path, body, &[header]);
            write!(answers, "{head:?}").expect("it is a string");
        }
    }
    assert_eq!(server.logged("operated with a key")["key.name"], "operate");
    let log = server.log();
    let file = keys.file();
    let printed = crate::support::onnxd(&["serve", "x", "--auth-keys", &file, "--print-config"]);
    for key in keys.all().chain(["onnxd_wrong_key"]) {
        for (place, text) in [("log", &log), ("answer", &answers), ("config", &printed.stdout)] {
            // Not even its middle.
            let part = &key[6..key.len().min(20)];
            assert!(!text.contains(part), "the {place} holds {part}");
        }
        assert!(!keys.text().contains(key));
    }
    server.kill();
}
