//! What the tests share: a server under test, a directory of models, two HTTP clients, one of
//! gRPC, and waiting for something to become true.

mod client;
mod command;
mod example;
mod grpc;
mod keys;
mod log;
mod repository;
mod server;
mod sink;
mod tls;
mod wait;

pub use client::{Answer, Connection, connect};
pub use command::{Finished, onnxd, program};
pub use example::{
    Example, Tolerance, assert_answer, examples, fp16_request, fp16_values, text_of,
};
pub use grpc::{Grpc, Stalled as GrpcStalled, next as grpc_next};
pub use keys::Keys;
pub use repository::{Repository, fixture, models_that_ship};
pub use server::Server;
pub use sink::{Manner, Posted, Sink, nowhere};
pub use tls::{Authority, Identity, TlsFiles, client as tls_client, trusting};
pub use wait::{Stop, until};

use serde_json::{Value, json};

/// An infer request for one input `x` of FP32.
pub fn floats(shape: &[usize], data: &[f64]) -> Value {
    json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "data": data}]})
}

/// The path that answers infer requests for a model.
pub fn infer_path(model: &str) -> String {
    format!("/v2/models/{model}/infer")
}

/// The path that answers v1 predictions for a model.
pub fn predict_path(model: &str) -> String {
    format!("/v1/models/{model}:predict")
}
