//! Which operators a graph uses, and which of them tract does not have.

use std::collections::BTreeMap;

use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::engine::LoadError;
use crate::engine::UnsupportedOperator;

/// Domains whose operators tract registers. It looks operators up by type alone, so a
/// foreign domain must be refused here or it would be taken for a namesake.
const KNOWN_DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

/// How often an operator is used, and by which node first.
#[derive(Debug, Clone)]
pub(super) struct Usage {
    pub(super) supported: bool,
    pub(super) first_node: String,
    pub(super) nodes: usize,
}

/// Every operator of the graph and its subgraphs, by full name.
pub(super) fn usage(proto: &ModelProto, onnx: &Onnx) -> BTreeMap<String, Usage> {
    let mut found = BTreeMap::new();
    if let Some(graph) = &proto.graph {
        collect(graph, onnx, &mut found);
    }
    found
}

/// # Errors
/// [`LoadError::UnsupportedOperators`] naming each, with its first node.
pub(super) fn check(proto: &ModelProto, onnx: &Onnx) -> Result<(), LoadError> {
    let operators: Vec<UnsupportedOperator> = usage(proto, onnx)
        .into_iter()
        .filter(|(_, usage)| !usage.supported)
        .map(|(operator, usage)| UnsupportedOperator {
            operator,
            node: usage.first_node,
            uses: usage.nodes,
        })
        .collect();
    if operators.is_empty() { Ok(()) } else { Err(LoadError::UnsupportedOperators { operators }) }
}

fn collect(graph: &GraphProto, onnx: &Onnx, found: &mut BTreeMap<String, Usage>) {
    for node in &graph.node {
        let supported = KNOWN_DOMAINS.contains(&node.domain.as_str())
            && onnx.op_register.0.contains_key(&node.op_type);
        found
            .entry(full_name(node))
            .or_insert_with(|| Usage { supported, first_node: node_name(node), nodes: 0 })
            .nodes += 1;
        for attribute in &node.attribute {
            for subgraph in attribute.g.iter().chain(&attribute.graphs) {
                collect(subgraph, onnx, found);
            }
        }
    }
}

/// With its domain, unless that is the default one.
pub(super) fn full_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}::{}", node.op_type),
    }
}

/// Many exporters leave nodes unnamed; their first output identifies them as well.
pub(super) fn node_name(node: &NodeProto) -> String {
    if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    }
}
