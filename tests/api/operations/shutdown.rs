//! Going down without cutting anybody off.

use std::net::TcpStream;

use serde_json::json;

use super::{slow_repository, while_busy};
use crate::support::{Repository, Server, floats, infer_path, until};

#[test]
fn the_request_in_flight_is_answered_and_new_connections_are_refused() {
    let repository = slow_repository();
    let server = Server::start(repository.path(), &[]);
    let answer = while_busy(&server, "slow", || {
        server.terminate();
        until("nothing listens any more", || TcpStream::connect(server.address()).err());
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["outputs"][0]["shape"], json!([16, 16]));
    server.stop();
}

#[test]
fn requests_past_the_drain_time_are_cut_off_and_the_exit_code_says_so() {
    let repository = slow_repository();
    let server = Server::start(repository.path(), &["--shutdown-timeout", "10ms"]);
    let mut connection = server.connect();
    let body = super::slow(16).to_string();
    connection.begin("POST", &infer_path("slow"), &[], body.as_bytes());
    until("it is being worked on", || {
        let in_flight = r#"onnxd_in_flight{model="slow",version="1"}"#;
        (server.metric(in_flight) > 0).then_some(())
    });
    server.terminate();
    assert!(connection.try_answer().is_err(), "the request was cut off");
    server.stop_with(1, &["requests were cut off"]);
}

#[test]
fn a_server_on_its_way_down_is_not_ready_and_still_answers() {
    let repository = Repository::with(&["scale_2"]);
    let server = Server::start(repository.path(), &["--shutdown-delay", "1s"]);
    let mut connection = server.connect();
    server.terminate();
    let ready = until("it is not ready", || {
        let ready = connection.request("GET", "/readyz", &[], b"");
        (ready.status == 503).then_some(ready)
    });
    assert_eq!(ready.json(), json!({"ready": false}));
    assert_eq!(connection.request("GET", "/healthz", &[], b"").status, 200);
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let answer = connection.post(&infer_path("scale_2"), request.as_bytes());
    assert_eq!(answer.json()["outputs"][0]["data"], json!([2.0, 4.0, 6.0]));
    server.stop();
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--shutdown-delay", "60s"]);
    server.terminate();
    until("it is not ready", || (server.get("/readyz").status == 503).then_some(()));
    server.terminate();
    server.stop_with(1, &["stopped at once"]);
}

#[test]
fn an_idle_connection_keeps_no_server_from_ending() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let mut idle = server.connect();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    let silent = server.connect();
    server.stop();
    drop((idle, silent));
}
