//! What every answer carries, and what a failing operator leaves alone.

use std::io::Read;
use std::thread;

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::{Value, json};

use crate::support::{Answer, Repository, Server, Stop, floats, infer_path};

const REQUEST_ID: &str = "X-Request-Id";

/// The id of the answer to a request with this id.
fn id_for(server: &Server, id: &str) -> String {
    let answer = server.connect().request("GET", "/healthz", &[(REQUEST_ID, id)], b"");
    answer.header("x-request-id").expect("every answer has an id").to_owned()
}

#[test]
fn a_request_id_comes_back_and_stands_in_the_log() {
    let repository = Repository::with(&["divide_by_zero"]);
    let server = Server::start(repository.path(), &[]);
    assert_eq!(id_for(&server, "abc-1"), "abc-1");
    let path = infer_path("divide_by_zero");
    let request = divide(1, 0).to_string();
    let headers = [(REQUEST_ID, "abc-2")];
    let answer = server.connect().request("POST", &path, &headers, request.as_bytes());
    assert_eq!((answer.status, answer.header("x-request-id")), (500, Some("abc-2")));
    let line = server.logged("request failed");
    assert_eq!(line["request.id"], "abc-2");
    assert_eq!(line["http.path"], path);
    assert_eq!(line["http.status"], 500);
    server.stop_after(&["request failed", "made-up values", "an operator panicked"]);
}

#[test]
fn requests_without_a_usable_id_get_one_each() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let id = |answer: &Answer| answer.header("x-request-id").map(str::to_owned);
    let (first, second) = (id(&server.get("/healthz")), id(&server.get("/nope")));
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    let long = "x".repeat(129);
    assert_ne!(id_for(&server, &long), long);
    server.stop();
}

fn divide(x: i64, by: i64) -> Value {
    let input = |name: &str, value: i64| json!({"name": name, "datatype": "INT64", "shape": [1], "data": [value]});
    json!({"inputs": [input("x", x), input("by", by)]})
}

#[test]
fn a_panic_in_an_operator_fails_its_request_while_others_go_on() {
    let repository = Repository::with(&["index_out_of_range", "divide_by_zero"]);
    let server = Server::start(repository.path(), &[]);
    let index = |at: i64| {
        let input = json!({"name": "index", "datatype": "INT64", "shape": [1], "data": [at]});
        json!({"inputs": [input]})
    };
    let stop = Stop::default();
    thread::scope(|scope| {
        let _stop = stop.at_end();
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.is_asked() {
                    let answer = server.infer("divide_by_zero", &divide(7, 2));
                    assert_eq!(answer.json()["outputs"][0]["data"], json!([3]));
                    assert_eq!(server.infer("index_out_of_range", &index(2)).status, 200);
                }
            });
        }
        for _ in 0..50 {
            let message =
                "inference failed: Div (node 'div_y') cannot work with these values".to_owned();
            assert_eq!(server.infer("divide_by_zero", &divide(1, 0)).error(), (500, message));
            let message =
                "inference failed: Gather (node 'gather_y') cannot work with these values"
                    .to_owned();
            assert_eq!(server.infer("index_out_of_range", &index(3)).error(), (500, message));
        }
    });
    let failed = r#"onnxd_requests_total{model="divide_by_zero",outcome="failed",protocol="v2",version="1"}"#;
    assert_eq!(server.metric(failed), 50);
    server.stop_after(&["request failed", "made-up values", "an operator panicked"]);
}

fn gunzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("the answer is gzip");
    plain
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    ZlibDecoder::new(bytes).read_to_end(&mut plain).expect("the answer is zlib");
    plain
}

#[test]
fn large_answers_are_compressed_for_clients_that_accept_it() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let mut connection = server.connect();
    let request = floats(&[200, 3], &[1.5; 600]).to_string();
    let v1 = json!({"inputs": vec![[1.5; 3]; 200]}).to_string();
    for (path, body) in
        [(infer_path("scale_1"), request), ("/v1/models/scale_1:predict".into(), v1)]
    {
        let mut ask = |accepted: &str| {
            let headers = [("Accept-Encoding", accepted)];
            let answer = connection.request("POST", &path, &headers, body.as_bytes());
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        };
        let plain = ask("identity");
        assert_eq!(plain.header("content-encoding"), None);
        let packed = ask("deflate, gzip");
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        assert!(packed.body.len() < plain.body.len() / 10, "{} bytes", packed.body.len());
        assert_eq!(gunzipped(&packed.body), plain.body);
        let packed = ask("gzip;q=0, deflate");
        assert_eq!(packed.header("content-encoding"), Some("deflate"));
        assert_eq!(inflated(&packed.body), plain.body);
    }
    server.stop();
}

#[test]
fn small_answers_are_sent_as_they_are() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let headers = [("Accept-Encoding", "gzip")];
    let answer =
        server.connect().request("POST", &infer_path("scale_1"), &headers, request.as_bytes());
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
    server.stop();
}
