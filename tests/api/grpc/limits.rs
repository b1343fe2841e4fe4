//! Bounds of size and time, overload, callers who went away, the end of the server.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use onnxd::grpc::generated::infer_parameter::ParameterChoice;
use onnxd::grpc::generated::{InferParameter, ModelInferRequest};
use prost::Message as _;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::{raw_floats, start};
use crate::support::{Grpc, GrpcStalled, Repository, Server, until};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// A request that takes a worker about a tenth of a second for each row.
fn slow(rows: usize) -> ModelInferRequest {
    raw_floats("slow", &[i64::try_from(rows).expect("it is small"), 16], &vec![0.25; rows * 16])
}

/// Requests run whole, so that many rows keep a worker busy for a while.
fn slow_repository() -> Repository {
    let repository = Repository::with(&["slow"]);
    repository.write("slow/model.toml", "batching.max_rows = 1\n");
    repository
}

/// Starts a request of many rows and waits until a worker runs it.
fn while_busy(server: &Server, grpc: &Grpc, then: impl FnOnce()) -> Result<i64, Status> {
    let mut client = grpc.client();
    let busy = grpc.begin(async move { client.model_infer(slow(16)).await });
    until("a worker runs the long request", || {
        let running = server.metric(r#"onnxd_in_flight{model="slow",version="1"}"#) > 0;
        (running && waiting(server) == 0).then_some(())
    });
    then();
    let answer = grpc.wait(busy).expect("the task ends");
    answer.map(|answer| answer.into_inner().outputs[0].shape[0])
}

fn waiting(server: &Server) -> u64 {
    server.metric(r#"onnxd_queue_depth{model="slow",version="1"}"#)
}

fn counted(server: &Server, outcome: &str) -> u64 {
    let sample = format!(
        r#"onnxd_requests_total{{model="slow",outcome="{outcome}",protocol="grpc",version="1"}}"#
    );
    server.metric(&sample)
}

#[test]
fn a_full_queue_is_unavailable_and_says_when_to_come_back() {
    let repository = slow_repository();
    let (server, grpc) = start(&repository, &["--queue", "1", "--threads", "1"]);
    let rows = while_busy(&server, &grpc, || {
        let mut client = grpc.client();
        let queued = grpc.begin(async move { client.model_infer(slow(1)).await });
        until("it waits", || (waiting(&server) > 0).then_some(()));
        let refused = grpc.infer(slow(1)).expect_err("there is no room");
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(refused.message(), "the queue is full: 1 requests are waiting");
        let told = |name: &str| refused.metadata().get(name).map(MetadataValue::as_encoded_bytes);
        assert_eq!(told("retry-after"), Some(&b"1"[..]));
        assert_eq!(told("grpc-retry-pushback-ms"), Some(&b"1000"[..]));
        queued.abort();
    });
    assert_eq!(rows.expect("it is answered"), 16);
    assert_eq!(counted(&server, "overloaded"), 1);
    assert_eq!(server.metric(r#"onnxd_rejected_total{reason="queue_full"}"#), 1);
    server.stop_after(&["the queue is full"]);
}

#[test]
fn both_deadlines_of_a_call_hold() {
    let repository = slow_repository();
    let (server, grpc) = start(&repository, &["--threads", "1"]);
    let busy = while_busy(&server, &grpc, || {
        let mut metadata = Request::new(slow(1));
        metadata.metadata_mut().insert("grpc-timeout", "50m".parse().expect("it is ASCII"));
        let mut parameter = slow(1);
        let micros = InferParameter { parameter_choice: Some(ParameterChoice::Int64Param(50_000)) };
        parameter.parameters.insert("timeout".to_owned(), micros);
        for request in [metadata, Request::new(parameter)] {
            let status = grpc.infer(request).expect_err("it is late");
            // Refused before it waits, or given up when its time has passed.
            let late = match status.code() {
                Code::DeadlineExceeded => status.message() == "the deadline of 50 ms has passed",
                Code::Unavailable => status.message().starts_with("the queue is too long"),
                _ => false,
            };
            assert!(late, "{status:?}");
        }
    });
    assert_eq!(busy.expect("it is answered"), 16);
    server.stop_after(&["request failed"]);
}

#[test]
fn a_deadline_that_passes_while_a_request_waits_is_told_so() {
    let repository = slow_repository();
    repository.add("other", 1, "slow");
    repository.write("other/model.toml", "batching.max_rows = 1\n");
    let (server, grpc) = start(&repository, &["--threads", "1"]);
    let busy = while_busy(&server, &grpc, || {
        let other = ModelInferRequest { model_name: "other".to_owned(), ..slow(1) };
        let mut request = Request::new(other);
        request.metadata_mut().insert("grpc-timeout", "50m".parse().expect("it is ASCII"));
        let status = grpc.infer(request).expect_err("it is late");
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.message(), "the deadline of 50 ms has passed");
    });
    assert_eq!(busy.expect("it is answered"), 16);
    server.stop_after(&["request failed"]);
}

#[test]
fn a_timeout_that_is_none_is_refused() {
    let repository = slow_repository();
    let (server, grpc) = start(&repository, &[]);
    let mut request = Request::new(slow(1));
    request.metadata_mut().insert("grpc-timeout", "soon".parse().expect("it is ASCII"));
    let status = grpc.infer(request).expect_err("it is no time");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("grpc-timeout is 'soon', expected"), "{status:?}");
    server.stop();
}

#[test]
fn a_message_beyond_the_limit_is_refused_packed_or_not() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &["--max-body", "100KiB"]);
    let message = "the body is larger than the limit of 102400 bytes";
    let large = raw_floats("scale_1", &[10_000, 3], &vec![1.0; 30_000]);
    let packing = grpc.client().send_compressed(CompressionEncoding::Gzip);
    for client in [grpc.client(), packing] {
        let mut client = client;
        let status = grpc.wait(client.model_infer(large.clone())).expect_err("it is too large");
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, message));
    }
    let small = raw_floats("scale_1", &[8_000, 3], &vec![1.0; 24_000]);
    assert!(grpc.infer(small).is_ok());
    let unread = r#"onnxd_requests_total{model="",outcome="invalid",protocol="grpc",version=""}"#;
    assert_eq!(server.metric(unread), 2);
    server.stop();
}

#[test]
fn a_caller_that_stops_within_its_request_is_told_after_the_read_timeout() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &["--read-timeout", "1s"]);
    let started = Instant::now();
    let half = GrpcStalled(Some(b"\0\0\0\0\x09half"[..].into()));
    let status = grpc.post(INFER, Body::new(half), &[]);
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(status.message(), "the body did not arrive within 1 s");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(grpc.infer(raw_floats("scale_1", &[1, 3], &[1.0; 3])).is_ok());
    server.stop();
}

#[test]
fn a_connection_without_a_call_is_closed_after_the_read_timeout() {
    use std::io::Read;
    let repository = Repository::with(&["scale_1"]);
    let (server, _grpc) = start(&repository, &["--read-timeout", "1s"]);
    let mut silent = std::net::TcpStream::connect(server.grpc_address()).expect("it accepts");
    silent.set_read_timeout(Some(Duration::from_secs(30))).expect("the socket takes it");
    let mut greeting = Vec::new();
    silent.read_to_end(&mut greeting).expect("the server closes it");
    server.stop();
}

#[test]
fn the_work_of_a_caller_that_went_away_is_dropped() {
    let repository = slow_repository();
    let (server, grpc) = start(&repository, &["--threads", "1"]);
    let busy = while_busy(&server, &grpc, || {
        let mut client = grpc.client();
        let leaving = grpc.begin(async move { client.model_infer(slow(1)).await });
        until("it waits", || (waiting(&server) > 0).then_some(()));
        leaving.abort();
        until("it counts as cancelled", || (counted(&server, "cancelled") > 0).then_some(()));
    });
    assert_eq!(busy.expect("it is answered"), 16);
    server.stop();
}

#[test]
fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let repository = Repository::with(&["scale_1"]);
    let (server, _grpc) = start(&repository, &["--read-timeout", "1m", "--shutdown-timeout", "1m"]);
    let _silent = std::net::TcpStream::connect(server.grpc_address()).expect("it accepts");
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn the_call_under_way_is_answered_when_the_server_ends() {
    let repository = slow_repository();
    let (server, grpc) = start(&repository, &[]);
    let rows = while_busy(&server, &grpc, || {
        server.terminate();
        let address = server.grpc_address();
        until("nothing listens any more", || std::net::TcpStream::connect(address).err());
    });
    assert_eq!(rows.expect("it is answered"), 16);
    server.stop();
}

/// Its bytes and the status behind them, read piece by piece with pauses.
async fn read_slowly(mut body: hyper::body::Incoming) -> (usize, Option<String>) {
    let (mut bytes, mut status) = (0, None);
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("the answer goes on");
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
        let told = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status"));
        status = told.map(|told| told.to_str().expect("it is text").to_owned());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (bytes, status)
}

#[test]
fn an_answer_that_is_read_slowly_comes_whole_while_the_server_ends() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    // More than both sides hold for a reader who is slow.
    let rows = 700_000_u32;
    let values = vec![1.0; 3 * rows as usize];
    let request = raw_floats("scale_1", &[i64::from(rows), 3], &values);
    let mut message = vec![0; 5];
    request.encode(&mut message).expect("there is room");
    let length = u32::try_from(message.len() - 5).expect("it is short");
    message[1..5].copy_from_slice(&length.to_be_bytes());
    let message = Body::new(http_body_util::Full::new(message.into()));
    let answer = grpc.head("/inference.GRPCInferenceService/ModelInfer", message, &[]);
    server.terminate();
    let (bytes, status) = grpc.wait(read_slowly(answer.into_body()));
    assert!(bytes > 12 * rows as usize, "{bytes}");
    assert_eq!(status.as_deref(), Some("0"));
    server.stop();
}
