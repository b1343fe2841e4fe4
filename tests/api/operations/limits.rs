//! Full queues, deadlines and callers who went away.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::{WHOLE, runs, slow, slow_repository, while_busy};
use crate::support::{Repository, Server, infer_path, until};

#[test]
fn a_full_queue_refuses_with_503_and_when_to_come_back() {
    let repository = slow_repository();
    let server = Server::start(repository.path(), &["--queue", "1", "--threads", "1"]);
    let mut waiting = server.connect();
    let first = while_busy(&server, "slow", || {
        waiting.begin("POST", &infer_path("slow"), &[], slow(1).to_string().as_bytes());
        until("it waits", || {
            let depth = r#"onnxd_queue_depth{model="slow",version="1"}"#;
            (server.metric(depth) > 0).then_some(())
        });
        let refused = server.infer("slow", &slow(1));
        assert_eq!(refused.header("retry-after"), Some("1"));
        let message = "the queue is full: 1 requests are waiting".to_owned();
        assert_eq!(refused.error(), (503, message));
    });
    assert_eq!((first.status, waiting.answer().status), (200, 200));
    assert_eq!(server.metric(r#"onnxd_rejected_total{reason="queue_full"}"#), 1);
    let overloaded =
        r#"onnxd_requests_total{model="slow",outcome="overloaded",protocol="v2",version="1"}"#;
    assert_eq!(server.metric(overloaded), 1);
    server.stop_after(&["the queue is full"]);
}

/// One worker; `patient` waits long, `hasty` for 50 ms only.
fn patient_and_hasty() -> (Repository, Server) {
    let repository = Repository::new();
    repository.add("patient", 1, "slow");
    repository.add("hasty", 1, "slow");
    repository.write("patient/model.toml", format!("limits.deadline = \"60s\"\n{WHOLE}"));
    repository.write("hasty/model.toml", WHOLE);
    let arguments = ["--deadline", "50ms", "--threads", "1"];
    let server = Server::start(repository.path(), &arguments);
    (repository, server)
}

#[test]
fn a_request_that_is_late_is_answered_504_and_one_that_would_be_503_and_neither_is_run() {
    let (_repository, server) = patient_and_hasty();
    let message = "the deadline of 50 ms has passed".to_owned();
    let busy = while_busy(&server, "patient", || {
        let asked = Instant::now();
        assert_eq!(server.infer("hasty", &slow(1)).error(), (504, message));
        assert!(asked.elapsed().as_millis() >= 50, "it was given up early");
        let mut request = slow(1);
        request["parameters"] = serde_json::json!({"timeout": 20_000});
        // The run under way alone takes longer: it is refused before it waits.
        let refused = server.infer("patient", &request);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        let (_, reason) = refused.error();
        assert!(reason.starts_with("the queue is too long: an answer would take"), "{reason}");
    });
    assert_eq!(busy.status, 200);
    // What was begun for `hasty` was given up, or this request would wait for it.
    assert_eq!(server.infer("patient", &slow(1)).status, 200);
    assert_eq!((runs(&server, "hasty"), runs(&server, "patient")), (0, 2));
    assert_eq!(server.metric(r#"onnxd_rejected_total{reason="deadline_exceeded"}"#), 1);
    assert_eq!(server.metric(r#"onnxd_rejected_total{reason="would_be_late"}"#), 1);
    server.stop_after(&["the deadline of 50 ms has passed", "the queue is too long"]);
}

#[test]
fn the_work_of_a_client_that_went_away_is_dropped() {
    let repository = slow_repository();
    let server = Server::start(repository.path(), &["--threads", "1"]);
    let cancelled =
        r#"onnxd_requests_total{model="slow",outcome="cancelled",protocol="v2",version="1"}"#;
    let busy = while_busy(&server, "slow", || {
        let mut leaving = server.connect();
        leaving.begin("POST", &infer_path("slow"), &[], slow(1).to_string().as_bytes());
        until("it waits", || {
            let depth = r#"onnxd_queue_depth{model="slow",version="1"}"#;
            (server.metric(depth) > 0).then_some(())
        });
        drop(leaving);
        until("it counts as cancelled", || (server.metric(cancelled) > 0).then_some(()));
    });
    assert_eq!(busy.status, 200);
    assert_eq!(server.infer("slow", &slow(1)).status, 200);
    assert_eq!(runs(&server, "slow"), 2, "the first and the last, nothing between");
    assert_eq!(server.metric(cancelled), 1);
    server.stop();
}

#[test]
fn a_client_that_stops_within_its_body_is_dropped_after_the_read_timeout() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--read-timeout", "1s"]);
    let mut stalled = server.connect();
    let path = infer_path("scale_1");
    stalled
        .send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{{").as_bytes());
    let message = "the body did not arrive within 1 s".to_owned();
    assert_eq!(stalled.answer().error(), (408, message));
    assert_eq!(server.scaled("scale_1").1, 1);
    server.stop();
}

#[test]
fn a_client_that_stops_within_its_head_is_dropped_after_the_read_timeout() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--read-timeout", "1s"]);
    let mut stalled = server.connect();
    let started = Instant::now();
    assert_eq!(stalled.request("GET", "/healthz", &[], b"").status, 200);
    stalled.send(b"GET /healthz HT");
    let ended = stalled.try_answer().expect_err("no answer to half a question");
    assert_eq!(ended.kind(), ErrorKind::UnexpectedEof, "{ended}");
    // It counts from when the server began to wait, after its first answer.
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(server.scaled("scale_1").1, 1);
    server.stop();
}
