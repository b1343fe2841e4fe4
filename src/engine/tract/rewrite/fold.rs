//! Replaces `If` nodes whose condition is constant by the branch that is taken.
//!
//! tract wants both branches of an `If` to agree in shape; exporters leave `If`s behind
//! whose condition was decided at export, with branches of different shapes.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Folds until nothing changes; a taken branch may hold another `If`.
pub(super) fn constant_ifs(graph: &mut GraphProto) {
    while fold_once(graph) {}
}

fn fold_once(graph: &mut GraphProto) -> bool {
    let constants = boolean_constants(graph);
    let Some(at) = graph.node.iter().position(|node| taken(node, &constants).is_some()) else {
        return false;
    };
    let node = graph.node.remove(at);
    let Some(branch) = taken(&node, &constants).cloned() else {
        return false;
    };
    let results: Vec<NodeProto> = branch
        .output
        .iter()
        .zip(&node.output)
        .map(|(inner, outer)| NodeProto {
            op_type: "Identity".to_owned(),
            name: format!("{outer}.taken"),
            input: vec![inner.name.clone()],
            output: vec![outer.clone()],
            ..NodeProto::default()
        })
        .collect();
    // Names are unique across a graph and its subgraphs (ONNX IR, "Names Within a Graph"),
    // so the branch's nodes can move out without renaming.
    graph.initializer.extend(branch.initializer);
    graph.node.splice(at..at, branch.node.into_iter().chain(results));
    true
}

fn taken<'a>(node: &'a NodeProto, constants: &HashMap<String, bool>) -> Option<&'a GraphProto> {
    if node.op_type != "If" {
        return None;
    }
    let branch = if *constants.get(node.input.first()?)? { "then_branch" } else { "else_branch" };
    node.attribute.iter().find(|attribute| attribute.name == branch)?.g.as_ref()
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
