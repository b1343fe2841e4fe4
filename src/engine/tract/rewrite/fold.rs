//! Replaces `If` nodes whose condition is constant by the branch that is taken.
//!
//! tract wants both branches of an `If` to agree in shape; exporters leave `If`s behind
//! whose condition was decided at export, with branches of different shapes.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::branch;

/// Folds until nothing changes; a taken branch may hold another `If`.
pub(super) fn constant_ifs(graph: &mut GraphProto) {
    while fold_once(graph) {}
}

fn fold_once(graph: &mut GraphProto) -> bool {
    let constants = boolean_constants(graph);
    let condition = |node: &NodeProto| -> Option<bool> {
        (node.op_type == "If").then(|| constants.get(node.input.first()?).copied())?
    };
    let found = graph.node.iter().enumerate().find_map(|(at, node)| Some((at, condition(node)?)));
    found.is_some_and(|(at, condition)| branch::inline(graph, at, condition))
}

fn boolean_constants(graph: &GraphProto) -> HashMap<String, bool> {
    let mut constants: HashMap<String, bool> = graph
        .initializer
        .iter()
        .filter_map(|tensor| Some((tensor.name.clone(), boolean(tensor)?)))
        .collect();
    // A graph input may override an initializer only in files that list it as an input.
    for input in &graph.input {
        constants.remove(&input.name);
    }
    for node in &graph.node {
        let value = match node.op_type.as_str() {
            "Constant" => node.attribute.iter().find_map(|a| boolean(a.t.as_ref()?)),
            "Identity" => node.input.first().and_then(|name| constants.get(name).copied()),
            "Not" => node.input.first().and_then(|name| constants.get(name).map(|value| !value)),
            _ => None,
        };
        if let (Some(value), Some(output)) = (value, node.output.first()) {
            constants.insert(output.clone(), value);
        }
    }
    constants
}

fn boolean(tensor: &TensorProto) -> Option<bool> {
    if tensor.data_type != DataType::Bool as i32 || tensor.dims.iter().product::<i64>() != 1 {
        return None;
    }
    match (tensor.raw_data.first(), tensor.int32_data.first()) {
        (Some(byte), _) => Some(*byte != 0),
        (None, Some(number)) => Some(*number != 0),
        (None, None) => None,
    }
}
