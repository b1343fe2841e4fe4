//! Changes to the ONNX graph before tract sees it: what tract gets wrong or refuses,
//! said in operators that it gets right.

mod branch;
mod decide;
mod fold;
mod functions;
mod log_sum_exp;
mod maps;
mod nodes;
mod reverse;

use tract_onnx::pb::{GraphProto, ModelProto};

/// Says the file in terms of the operators and types that are left below: no maps, no
/// functions. `bytes` is the file, perhaps without large weights.
pub(super) fn simplify(model: &mut ModelProto, bytes: &[u8]) {
    functions::inline(model, bytes);
    maps::into_tensors(model, bytes);
    if let Some(graph) = &mut model.graph {
        every_graph(graph, &mut name_nodes);
    }
}

/// Errors name nodes; one without a name is called after what it makes.
fn name_nodes(graph: &mut GraphProto) {
    for node in graph.node.iter_mut().filter(|node| node.name.is_empty()) {
        node.name = node.output.first().cloned().unwrap_or_default();
    }
}

/// All rewrites that hold whatever the shapes of the inputs are.
pub(super) fn rewrite(model: &mut ModelProto) {
    let opset = nodes::opset(model);
    if let Some(graph) = &mut model.graph {
        fold::constant_ifs(graph);
        every_graph(graph, &mut |graph| {
            reverse::as_bidirectional(graph, opset);
            log_sum_exp::from_the_largest(graph, opset);
        });
    }
}

/// Whether the graph still holds an `If`, which [`decide`] may remove for given shapes.
pub(super) fn holds_if(model: &ModelProto) -> bool {
    model.graph.as_ref().is_some_and(decide::holds_if)
}

/// Replaces each `If` by a branch where `decide` knows the condition. It gets a model
/// with the same inputs whose only output is the condition.
pub(super) fn decide(model: &mut ModelProto, decide: impl Fn(&ModelProto) -> Option<bool>) {
    decide::ifs(model, decide);
}

/// Visits the graph and the bodies and branches inside it.
fn every_graph(graph: &mut GraphProto, visit: &mut impl FnMut(&mut GraphProto)) {
    visit(graph);
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        for subgraph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            every_graph(subgraph, visit);
        }
    }
}
