//! GET `…/config`: the model in the form of Triton's model configuration, for clients that
//! ask for it before they send anything.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Target;
use crate::engine::TensorSpec;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::LiveModel;
use crate::repository::VersionPolicy;
use crate::tensor::DataType;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    platform: &'static str,
    backend: &'static str,
    max_batch_size: usize,
    input: Vec<Tensor<'a>>,
    output: Vec<Tensor<'a>>,
    version_policy: Policy,
    /// There if rows of several requests run together.
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamic_batching: Option<DynamicBatching>,
}

/// Which versions are served; as in protobuf's JSON, numbers of 64 bits are texts.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Latest { num_versions: usize },
    All {},
    Specific { versions: Vec<String> },
}

impl Policy {
    fn of(policy: &VersionPolicy) -> Self {
        match policy {
            VersionPolicy::Latest(count) => Self::Latest { num_versions: *count },
            VersionPolicy::All => Self::All {},
            VersionPolicy::These(versions) => {
                Self::Specific { versions: versions.iter().map(ToString::to_string).collect() }
            }
        }
    }
}

#[derive(Serialize)]
struct DynamicBatching {
    preferred_batch_size: [usize; 1],
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    data_type: String,
    dims: Vec<i64>,
}

pub(in crate::http) async fn config(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => reply::json(&document(&live)),
        Err(error) => Error::from(error).into_response(),
    }
}

fn document(live: &LiveModel) -> Document<'_> {
    let max_batch_size = live.max_batch_rows();
    Document {
        name: &live.name,
        platform: "onnxruntime_onnx",
        backend: "onnxruntime",
        max_batch_size,
        input: tensors(&live.signature().inputs, max_batch_size),
        output: tensors(&live.signature().outputs, max_batch_size),
        version_policy: Policy::of(&live.version_policy),
        dynamic_batching: live
            .queue
            .batch_rows()
            .filter(|rows| *rows > 1)
            .map(|rows| DynamicBatching { preferred_batch_size: [rows] }),
    }
}

fn tensors(specs: &[TensorSpec], max_batch_size: usize) -> Vec<Tensor<'_>> {
    specs
        .iter()
        .map(|spec| Tensor {
            name: &spec.name,
            data_type: type_name(spec.data_type),
            // Triton leaves the batch axis out where there is one.
            dims: spec.wire_shape().split_off(usize::from(max_batch_size > 0)),
        })
        .collect()
}

fn type_name(data_type: DataType) -> String {
    match data_type {
        DataType::Bytes => "TYPE_STRING".to_owned(),
        other => format!("TYPE_{other}"),
    }
}
