//! Sinks that are slow, refuse, or are not there: requests do not notice.

use super::{ask_soon, scale_2};
use crate::support::{Manner, Server, Sink, nowhere, until};

const WARNING: &str = "telemetry cannot be delivered";

#[test]
fn a_collector_that_is_not_there_is_told_of_once_and_slows_nobody() {
    let repository = scale_2();
    let url = nowhere();
    let server =
        Server::start(repository.path(), &["--otlp-endpoint", &url, "--trace-sample", "1"]);
    ask_soon(&server, 50);
    assert_eq!(server.logged(WARNING)["reason"], "cannot connect");
    ask_soon(&server, 50);
    // After several attempts.
    let dropped = r#"onnxd_spans_dropped_total{reason="unreachable"}"#;
    until("all attempts are over", || (server.metric(dropped) > 0).then_some(()));
    assert_eq!(server.times_logged(WARNING), 1);
    server.stop_after(&[WARNING]);
}

#[test]
fn a_collector_that_hangs_slows_nobody_and_what_does_not_fit_is_counted() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Hangs));
    let url = sink.url();
    let server =
        Server::start(repository.path(), &["--otlp-endpoint", &url, "--trace-sample", "1"]);
    // As many as wait, and those of a batch under way.
    until("the queue is full", || {
        ask_soon(&server, 200);
        let dropped = server.metric(r#"onnxd_spans_dropped_total{reason="queue_full"}"#);
        (dropped > 0).then_some(())
    });
    // The end is not held up by it; whether it was told of before depends on the machine.
    server.stop_after(&["telemetry "]);
}

#[test]
fn a_collector_that_comes_back_gets_what_waited() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(503)));
    let url = sink.url();
    let server =
        Server::start(repository.path(), &["--otlp-endpoint", &url, "--trace-sample", "1"]);
    ask_soon(&server, 3);
    assert_eq!(server.logged(WARNING)["reason"], "the collector says 503 Service Unavailable");
    sink.behave(Manner::Says(200));
    server.logged("telemetry is delivered again");
    // Five spans for each prediction, in as many batches as it may be.
    until("all are there", || (server.metric("onnxd_spans_exported_total") == 15).then_some(()));
    server.stop_after(&[WARNING]);
}

#[test]
fn a_collector_that_refuses_is_not_asked_again_for_the_same() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(400)));
    let url = sink.url();
    let server =
        Server::start(repository.path(), &["--otlp-endpoint", &url, "--trace-sample", "1"]);
    ask_soon(&server, 1);
    server.logged(WARNING);
    let refused = r#"onnxd_spans_dropped_total{reason="refused"}"#;
    until("it is counted", || (server.metric(refused) == 5).then_some(()));
    assert_eq!(sink.posted().len(), 1);
    server.stop_after(&[WARNING]);
}

#[test]
fn a_sink_of_payloads_that_hangs_slows_nobody_and_what_has_no_room_is_counted() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Hangs));
    let url = sink.url();
    let server =
        Server::start(repository.path(), &["--payload-log", &url, "--payload-queue", "20kB"]);
    ask_soon(&server, 100);
    let dropped = server.metric(r#"onnxd_payloads_dropped_total{reason="queue_full"}"#);
    assert!(dropped > 150, "{dropped} of 200 bodies found no room");
    server.stop_after(&["telemetry "]);
}

#[test]
fn a_sink_of_payloads_that_refuses_is_told_of_once() {
    let (repository, sink) = (scale_2(), Sink::start(Manner::Says(500)));
    let url = sink.url();
    let server = Server::start(repository.path(), &["--payload-log", &url]);
    ask_soon(&server, 10);
    let dropped = r#"onnxd_payloads_dropped_total{reason="sink"}"#;
    until("all are counted", || (server.metric(dropped) == 20).then_some(()));
    assert_eq!(server.times_logged(WARNING), 1);
    sink.behave(Manner::Says(200));
    ask_soon(&server, 1);
    until("the next are delivered", || {
        (server.metric("onnxd_payloads_logged_total") == 2).then_some(())
    });
    server.stop_after(&[WARNING]);
}
