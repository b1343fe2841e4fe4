//! Predictions over gRPC against an empty handler of tonic's: digits with raw contents, over
//! connections that each ask one after the other.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onnxd::grpc::generated::model_infer_request::InferInputTensor;
use onnxd::grpc::generated::{ModelInferRequest, ModelInferResponse};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use crate::figure::{Bar, Figure, median};
use crate::process::{Serving, free_address, project};

const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(3);
const PATH: &str = "/inference.GRPCInferenceService/ModelInfer";

pub fn run(rounds: usize) -> Vec<Figure> {
    let address = free_address();
    let _onnxd = Serving::onnxd(&project("benches/models"), &["--grpc-addr", &address.to_string()]);
    let empty = Serving::empty_grpc_handler();
    let runtime = runtime();
    let message = framed(&digits());
    println!(
        "\n| digits, raw contents, gRPC | onnxd /s | empty handler /s | ratio |\n|---|---|---|---|"
    );
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let ours = runtime.block_on(load(address, message.clone(), true));
        let theirs = runtime.block_on(load(empty.address, message.clone(), false));
        let ratio = ours / theirs;
        println!("| {CONNECTIONS} connections | {ours:.0} | {theirs:.0} | {ratio:.2} |");
        ratios.push(ratio);
    }
    let name = "digits, gRPC, raw contents, 1 row, 16 connections, against tonic's empty handler";
    vec![Figure::new(name, median(ratios), Bar::AtLeast(0.6))]
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts")
}

/// The example of the model, raw.
fn digits() -> ModelInferRequest {
    let example = fs::read(project("models/digits/example.json")).expect("the example is there");
    let example: serde_json::Value = serde_json::from_slice(&example).expect("it is JSON");
    let pixels = example["inputs"][0]["data"].as_array().expect("data is a list").iter();
    #[expect(clippy::cast_possible_truncation, reason = "pixels are small integers")]
    let raw = pixels.flat_map(|pixel| (pixel.as_f64().expect("a number") as f32).to_le_bytes());
    let input = InferInputTensor {
        name: "pixels".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, 64],
        ..Default::default()
    };
    ModelInferRequest {
        model_name: "digits".to_owned(),
        inputs: vec![input],
        raw_input_contents: vec![raw.collect::<Vec<u8>>().into()],
        ..Default::default()
    }
}

fn framed(request: &ModelInferRequest) -> Bytes {
    let message = request.encode_to_vec();
    let length = u32::try_from(message.len()).expect("it is small").to_be_bytes();
    [&[0][..], &length, &message].concat().into()
}

/// Answers a second. `is_right` says that they must be predictions.
async fn load(address: SocketAddr, message: Bytes, is_right: bool) -> f64 {
    let answered = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut asking = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("the socket takes it");
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        let (answered, message) = (Arc::clone(&answered), message.clone());
        asking.push(tokio::spawn(async move {
            while started.elapsed() < ROUND {
                let answer = ask(&mut sender, address, message.clone()).await;
                if is_right {
                    let answer = ModelInferResponse::decode(&answer[5..]).expect("a prediction");
                    assert_eq!(answer.raw_output_contents.len(), 2, "{answer:?}");
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in asking {
        task.await.expect("every call is answered");
    }
    answered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, address: SocketAddr, message: Bytes) -> Bytes {
    let request = http::Request::post(format!("http://{address}{PATH}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(message));
    sender.ready().await.expect("the connection lives");
    let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
    let whole = answer.into_body().collect().await.expect("a body");
    let status = whole.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
    assert!(status.is_some_and(|status| status == "0"), "the call failed");
    whole.to_bytes()
}

#[derive(Clone)]
struct Empty;

impl UnaryService<ModelInferRequest> for Empty {
    type Response = ModelInferResponse;
    type Future = std::future::Ready<Result<tonic::Response<ModelInferResponse>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<ModelInferRequest>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(ModelInferResponse::default())))
    }
}

/// Reads each message and answers an empty one.
pub fn run_empty_handler() {
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        eprintln!("listening on {}", listener.local_addr().expect("it is bound"));
        loop {
            let (stream, _) = listener.accept().await.expect("it accepts");
            stream.set_nodelay(true).expect("the socket takes it");
            let service = service_fn(|request: http::Request<Incoming>| async {
                let mut grpc = Grpc::new(ProstCodec::default());
                Ok::<_, Infallible>(grpc.unary(Empty, request).await)
            });
            let http = server::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { http.serve_connection(TokioIo::new(stream), service).await });
        }
    });
}
