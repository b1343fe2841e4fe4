//! What a model file holds, whether or not it can be served.

use std::path::Path;

use tract_onnx::pb::tensor_proto::DataLocation;

use super::{columns, facts, file, operators, support};
use crate::engine::{LoadError, Signature};

/// The contents of an ONNX file.
#[derive(Debug, Clone)]
pub struct Inspection {
    pub producer: String,
    pub ir_version: i64,
    /// Domain and version of each operator set.
    pub opsets: Vec<(String, i64)>,
    /// Why inputs and outputs cannot be served, where they cannot.
    pub signature: Result<Signature, LoadError>,
    pub operators: Vec<OperatorUse>,
    /// Numbers in the weights and constants.
    pub parameters: u64,
    /// Nodes of the main graph.
    pub nodes: usize,
    pub external_data: bool,
}

/// One kind of operator in a file.
#[derive(Debug, Clone)]
pub struct OperatorUse {
    pub operator: String,
    pub nodes: usize,
    pub supported: bool,
    pub first_node: String,
}

/// Reads a file without compiling it.
///
/// # Errors
/// [`LoadError`] if it is no ONNX file.
pub fn inspect(path: &Path) -> Result<Inspection, LoadError> {
    let file::Contents { proto, weights } = file::read(path)?;
    let graph = file::graph(&proto)?;
    let operators = support::usage(&proto, &operators::framework())
        .into_iter()
        .map(|(operator, usage)| OperatorUse {
            operator,
            nodes: usage.nodes,
            supported: usage.supported,
            first_node: usage.first_node,
        })
        .collect();
    let elements =
        |dims: &[i64]| -> u64 { dims.iter().map(|&dim| u64::try_from(dim).unwrap_or(0)).product() };
    // Some exporters write weights as Constant nodes.
    let constants = graph
        .node
        .iter()
        .filter(|node| node.op_type == "Constant")
        .flat_map(|node| node.attribute.iter().filter_map(|attribute| attribute.t.as_ref()));
    Ok(Inspection {
        producer: facts::producer(&proto).unwrap_or_default(),
        ir_version: proto.ir_version,
        opsets: proto
            .opset_import
            .iter()
            .map(|opset| {
                let domain = if opset.domain.is_empty() { "ai.onnx" } else { &opset.domain };
                (domain.to_owned(), opset.version)
            })
            .collect(),
        signature: file::signature(graph).and_then(|mut signature| {
            columns::describe(&mut signature, &proto, None)?;
            Ok(signature)
        }),
        operators,
        parameters: graph
            .initializer
            .iter()
            .chain(constants)
            .map(|tensor| elements(&tensor.dims))
            .sum::<u64>()
            + weights.elements(),
        nodes: graph.node.len(),
        external_data: graph
            .initializer
            .iter()
            .any(|tensor| tensor.data_location == Some(DataLocation::External as i32)),
    })
}
