//! Functions that a model defines for itself: each node that calls one becomes the nodes of
//! its body.

use std::collections::HashMap;

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
};

use crate::engine::tract::file::Pieces;

/// Calls within calls, and nodes that come of them; functions must not call themselves.
const MAX_ROUNDS: usize = 32;
const MAX_NODES: usize = 1 << 20;

/// `bytes` is the file: tract reads past the defaults of a function's attributes.
pub(super) fn inline(model: &mut ModelProto, bytes: &[u8]) {
    if model.functions.is_empty() {
        return;
    }
    // The same list, as the model itself has decoded.
    let defaults = Defaults::decode(Pieces(bytes)).map(|model| model.functions).unwrap_or_default();
    let mut functions = HashMap::new();
    for (number, declared) in std::mem::take(&mut model.functions).into_iter().enumerate() {
        for opset in &declared.opset_import {
            import(&mut model.opset_import, opset);
        }
        let key = (declared.domain().to_owned(), declared.name().to_owned());
        let defaults = defaults.get(number).map(|f| f.attributes.clone()).unwrap_or_default();
        functions.insert(key, Function { declared, defaults });
    }
    let mut inliner = Inliner { functions, calls: 0, nodes: 0 };
    if let Some(graph) = &mut model.graph {
        for _ in 0..MAX_ROUNDS {
            if !inliner.graph(graph) {
                break;
            }
        }
    }
}

fn import(opsets: &mut Vec<OperatorSetIdProto>, opset: &OperatorSetIdProto) {
    if opsets.iter().all(|known| known.domain != opset.domain) {
        opsets.push(opset.clone());
    }
}

/// A function and what its attributes are if a call does not say.
struct Function {
    declared: FunctionProto,
    defaults: Vec<AttributeProto>,
}

/// The parts of a model (onnx.proto3, by their numbers) that lead to the defaults of a
/// function's attributes.
#[derive(Message)]
struct Defaults {
    #[prost(message, repeated, tag = "25")]
    functions: Vec<FunctionDefaults>,
}

#[derive(Clone, Message)]
struct FunctionDefaults {
    #[prost(message, repeated, tag = "11")]
    attributes: Vec<AttributeProto>,
}

struct Inliner {
    functions: HashMap<(String, String), Function>,
    /// Numbers the calls, so that names of one do not meet those of another.
    calls: usize,
    nodes: usize,
}

impl Inliner {
    /// One round; whether there was a call.
    fn graph(&mut self, graph: &mut GraphProto) -> bool {
        let mut any = false;
        for mut node in std::mem::take(&mut graph.node) {
            for attribute in &mut node.attribute {
                for subgraph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                    any |= self.graph(subgraph);
                }
            }
            let function = self.functions.get(&(node.domain.clone(), node.op_type.clone()));
            match function {
                Some(function) if self.nodes < MAX_NODES => {
                    let body = call(function, &node, self.calls);
                    self.calls += 1;
                    self.nodes += body.len();
                    graph.node.extend(body);
                    any = true;
                }
                _ => graph.node.push(node),
            }
        }
        any
    }
}

/// The body's nodes with the caller's values and attributes.
fn call(function: &Function, caller: &NodeProto, number: usize) -> Vec<NodeProto> {
    let Function { declared, defaults } = function;
    let passed = |formal: &[String], actual: &[String]| {
        let actual = actual.iter().cloned().chain(std::iter::repeat(String::new()));
        formal.iter().cloned().zip(actual).collect::<Vec<_>>()
    };
    let outputs = passed(&declared.output, &caller.output);
    let mut names: HashMap<String, String> =
        passed(&declared.input, &caller.input).into_iter().collect();
    // An output that the caller does not name still is a value within the body.
    names.extend(outputs.into_iter().filter(|(_, actual)| !actual.is_empty()));
    let prefix = format!("{}.{number}", declared.name());
    let scope = Scope { names, prefix, defaults, caller };
    let mut body = declared.node.clone();
    for node in &mut body {
        scope.enter(node);
    }
    body
}

struct Scope<'a> {
    /// The caller's names for the function's inputs and outputs.
    names: HashMap<String, String>,
    /// Before all other names.
    prefix: String,
    defaults: &'a [AttributeProto],
    caller: &'a NodeProto,
}

impl Scope<'_> {
    fn enter(&self, node: &mut NodeProto) {
        let values = node.input.iter_mut().chain(&mut node.output);
        values.for_each(|value| self.rename(value));
        if !node.name.is_empty() {
            node.name = format!("{}.{}", self.prefix, node.name);
        }
        node.attribute = std::mem::take(&mut node.attribute)
            .into_iter()
            .filter_map(|attribute| self.attribute(attribute))
            .collect();
    }

    fn rename(&self, value: &mut String) {
        if value.is_empty() {
            return;
        }
        *value =
            self.names.get(value).cloned().unwrap_or_else(|| format!("{}.{value}", self.prefix));
    }

    /// The attribute itself, or what the caller or the function give for the one it refers
    /// to; nothing if neither gives one.
    fn attribute(&self, mut attribute: AttributeProto) -> Option<AttributeProto> {
        if !attribute.ref_attr_name.is_empty() {
            let given = self.caller.attribute.iter().chain(self.defaults);
            let mut given =
                given.into_iter().find(|given| given.name == attribute.ref_attr_name)?.clone();
            given.name = attribute.name;
            return Some(given);
        }
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            self.enter_graph(graph);
        }
        Some(attribute)
    }

    fn enter_graph(&self, graph: &mut GraphProto) {
        let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        values.for_each(|value| self.rename(&mut value.name));
        graph.initializer.iter_mut().for_each(|tensor| self.rename(&mut tensor.name));
        graph.node.iter_mut().for_each(|node| self.enter(node));
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn functions_of_the_model_become_their_bodies() {
        answers::match_onnxruntime("standard_functions.onnx");
    }
}
