//! The Open Inference Protocol over gRPC, with the generated client over real sockets.

mod control;
mod health;
mod infer;
mod limits;
mod reflection;
mod types;

use onnxd::grpc::generated::model_infer_request::InferInputTensor;
use onnxd::grpc::generated::{InferTensorContents, ModelInferRequest};

use crate::support::{Grpc, Repository, Server};

/// A server of these fixtures that speaks gRPC, and a connection to it.
fn start(repository: &Repository, arguments: &[&str]) -> (Server, Grpc) {
    let server =
        Server::start(repository.path(), &[&["--grpc-addr", "127.0.0.1:0"], arguments].concat());
    let grpc = server.grpc();
    (server, grpc)
}

/// A request for one input `x` of FP32 in the field of its type.
fn floats(model: &str, shape: &[i64], data: &[f32]) -> ModelInferRequest {
    let contents = InferTensorContents { fp32_contents: data.to_vec(), ..Default::default() };
    let input = input("FP32", shape, Some(contents));
    ModelInferRequest { model_name: model.to_owned(), inputs: vec![input], ..Default::default() }
}

/// The same with raw contents.
fn raw_floats(model: &str, shape: &[i64], data: &[f32]) -> ModelInferRequest {
    let mut request = floats(model, shape, data);
    request.inputs[0].contents = None;
    request.raw_input_contents = vec![bytes_of(data).into()];
    request
}

fn input(datatype: &str, shape: &[i64], contents: Option<InferTensorContents>) -> InferInputTensor {
    InferInputTensor {
        name: "x".to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        contents,
        ..Default::default()
    }
}

fn bytes_of(data: &[f32]) -> Vec<u8> {
    data.iter().flat_map(|value| value.to_le_bytes()).collect()
}
