//! What a model's file says of itself, for people who look at a version that serves.

use std::fs;
use std::path::Path;

use tract_onnx::Onnx;
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{ModelProto, TensorProto};

use super::support;
use crate::engine::{FileFacts, OperatorCount};

/// Characters of a producer's name: it is kept for as long as the version serves.
const MOST_PRODUCER: usize = 200;

/// Of a file that was checked, and not rewritten yet.
pub(super) fn of(path: &Path, proto: &ModelProto, onnx: &Onnx) -> FileFacts {
    let operators = support::usage(proto, onnx).into_iter();
    let operators =
        operators.map(|(operator, usage)| OperatorCount { operator, nodes: usage.nodes });
    let is_default = |domain: &str| ["", "ai.onnx"].contains(&domain);
    let opset = proto.opset_import.iter().find(|opset| is_default(&opset.domain));
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    FileFacts {
        operators: operators.collect(),
        opset: opset.map(|opset| opset.version),
        producer: producer(proto),
        bytes: bytes.saturating_add(beside(proto)),
    }
}

pub(super) fn producer(proto: &ModelProto) -> Option<String> {
    let whole = format!("{} {}", proto.producer_name, proto.producer_version);
    let shown: String = whole.trim().chars().take(MOST_PRODUCER).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Bytes of weights in files of their own.
fn beside(proto: &ModelProto) -> u64 {
    let weights = proto.graph.iter().flat_map(|graph| &graph.initializer);
    let external = DataLocation::External as i32;
    let outside = weights.filter(|tensor| tensor.data_location == Some(external));
    outside.filter_map(length).fold(0, u64::saturating_add)
}

fn length(tensor: &TensorProto) -> Option<u64> {
    tensor.external_data.iter().find(|entry| entry.key == "length")?.value.parse().ok()
}
