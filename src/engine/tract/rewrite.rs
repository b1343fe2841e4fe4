//! Changes to the ONNX graph before tract sees it: what tract gets wrong or refuses,
//! said in operators that it gets right.

mod fold;
mod nodes;
mod reverse;

use tract_onnx::pb::{GraphProto, ModelProto};

/// All rewrites that hold whatever the shapes of the inputs are.
pub(super) fn rewrite(model: &mut ModelProto) {
    let opset = nodes::opset(model);
    if let Some(graph) = &mut model.graph {
        fold::constant_ifs(graph);
        every_graph(graph, &mut |graph| reverse::as_bidirectional(graph, opset));
    }
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
