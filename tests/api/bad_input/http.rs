//! Wrong methods and paths, and what is hardly HTTP.

use serde_json::json;

use super::{answer_to, bad_request, not_found};
use crate::support::{infer_path, predict_path};

/// Status, message and `Allow` of a request without a body.
fn refused(method: &str, path: &str) -> (u16, String, Option<String>) {
    let answer = answer_to(|connection| connection.request(method, path, &[], b""));
    let allow = answer.header("allow").map(str::to_owned);
    let (status, message) = answer.error();
    (status, message, allow)
}

fn not_allowed(method: &str, path: &str, allow: &str) -> (u16, String, Option<String>) {
    (405, format!("method {method} is not allowed for {path}"), Some(allow.to_owned()))
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let infer = infer_path("symbolic_batch");
    assert_eq!(refused("GET", &infer), not_allowed("GET", &infer, "POST"));
    assert_eq!(refused("PUT", "/v2"), not_allowed("PUT", "/v2", "GET,HEAD"));
    let index = "/v2/repository/index";
    assert_eq!(refused("GET", index), not_allowed("GET", index, "POST"));
    let ready = "/v2/health/ready";
    assert_eq!(refused("POST", ready), not_allowed("POST", ready, "GET,HEAD"));
}

#[test]
fn a_prediction_of_v1_cannot_be_fetched() {
    let predict = predict_path("symbolic_batch");
    assert_eq!(refused("GET", &predict), not_allowed("GET", &predict, "POST"));
    let of_version = "/v1/models/symbolic_batch/versions/1:predict";
    assert_eq!(refused("GET", of_version), not_allowed("GET", of_version, "POST"));
}

#[test]
fn a_wrong_method_of_the_own_interface_is_a_problem_document() {
    let answer = answer_to(|connection| connection.request("DELETE", "/api/models", &[], b""));
    let detail = "method DELETE is not allowed for /api/models";
    let problem = json!({"title": "Method Not Allowed", "status": 405, "detail": detail});
    assert_eq!((answer.status, answer.json()), (405, problem));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[test]
fn a_path_that_does_not_exist_is_not_found() {
    let (status, message, _) = refused("GET", "/v2/nope");
    assert_eq!((status, message), not_found("no such path: /v2/nope"));
}

#[test]
fn a_path_that_is_not_utf_8_is_refused_as_everything_else_is() {
    let (status, message, _) = refused("GET", "/v2/models/%ff");
    assert_eq!((status, message), bad_request("the path is not UTF-8"));
}

#[test]
fn what_is_not_http_is_refused_and_the_connection_ends() {
    let negative =
        format!("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", infer_path("scale_1"));
    for (garbage, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        (negative, 400),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)), 431),
    ] {
        let answer = answer_to(|connection| {
            connection.send(garbage.as_bytes());
            connection.answer()
        });
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
    }
}

#[test]
fn a_chunk_without_a_length_is_refused() {
    let path = infer_path("symbolic_batch");
    let answer = answer_to(|connection| {
        let answer =
            connection.request("POST", &path, &[("Transfer-Encoding", "chunked")], b"zz\r\n\r\n");
        assert!(connection.try_answer().is_err(), "the connection cannot go on");
        let (status, message) = answer.error();
        let expected = "the body could not be read: error reading a body from connection";
        assert_eq!((status, message), bad_request(expected));
        crate::support::Answer { headers: vec![("connection".into(), "close".into())], ..answer }
    });
    assert_eq!(answer.status, 400);
}
