//! Replaces `If` nodes whose condition depends only on the shapes of the inputs.
//!
//! Exporters write "if the last axis has size one, squeeze it". The branches differ in
//! rank, which tract does not accept, but once shapes are known only one is left.

use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

use super::branch;

/// Where an `If` is: the node and branch to go into, from the outside in, then its node.
#[derive(Clone)]
struct Place {
    into: Vec<(usize, bool)>,
    node: usize,
}

pub(super) fn holds_if(graph: &GraphProto) -> bool {
    graph.node.iter().any(|node| node.op_type == "If")
}

/// Replaces every `If` that `decide` can decide. It gets a model whose only output is the
/// condition.
pub(super) fn ifs(model: &mut ModelProto, decide: impl Fn(&ModelProto) -> Option<bool>) {
    loop {
        let mut undecided = HashSet::new();
        let mut decided = false;
        while let Some((place, name)) = next(model.graph.as_ref(), &undecided) {
            let answer = question(model, &place).and_then(|question| decide(&question));
            let inlined = answer.is_some_and(|condition| {
                graph_at(model, &place.into)
                    .is_some_and(|graph| branch::inline(graph, place.node, condition))
            });
            decided |= inlined;
            if !inlined {
                undecided.insert(name);
            }
        }
        // Another `If` may have stood in the way of those left.
        if !decided || undecided.is_empty() {
            return;
        }
    }
}

/// The first `If` that is not among the undecided, with a name for it.
fn next(graph: Option<&GraphProto>, undecided: &HashSet<String>) -> Option<(Place, String)> {
    let mut found = None;
    search(graph?, &Place { into: Vec::new(), node: 0 }, "", &mut |place, name| {
        if found.is_none() && !undecided.contains(&name) {
            found = Some((place, name));
        }
    });
    found
}

fn search(graph: &GraphProto, at: &Place, path: &str, visit: &mut impl FnMut(Place, String)) {
    for (index, node) in graph.node.iter().enumerate().filter(|(_, node)| node.op_type == "If") {
        let name = format!("{path}/{}", node.output.first().map_or("", String::as_str));
        visit(Place { into: at.into.clone(), node: index }, name.clone());
        for condition in [true, false] {
            let Some(inner) = branch::of(node, condition) else {
                continue;
            };
            let mut place = at.clone();
            place.into.push((index, condition));
            search(inner, &place, &format!("{name}/{condition}"), visit);
        }
    }
}

fn graph_at<'a>(model: &'a mut ModelProto, into: &[(usize, bool)]) -> Option<&'a mut GraphProto> {
    into.iter().try_fold(model.graph.as_mut()?, |graph, &(node, condition)| {
        let name = if condition { "then_branch" } else { "else_branch" };
        let attributes = &mut graph.node.get_mut(node)?.attribute;
        attributes.iter_mut().find(|attribute| attribute.name == name)?.g.as_mut()
    })
}

/// The part of the model that the condition depends on, out of all the graphs around it.
fn question(model: &ModelProto, place: &Place) -> Option<ModelProto> {
    let main = model.graph.as_ref()?;
    let mut scopes = vec![main];
    for &(node, condition) in &place.into {
        scopes.push(branch::of(scopes.last()?.node.get(node)?, condition)?);
    }
    let condition = scopes.last()?.node.get(place.node)?.input.first()?;
    let mut needed = HashSet::from([condition.as_str()]);
    // Old exports list initializers among the inputs; without their values they would
    // become inputs.
    needed.extend(main.input.iter().map(|input| input.name.as_str()));
    let mut part = GraphProto {
        input: main.input.clone(),
        output: vec![ValueInfoProto { name: condition.clone(), ..ValueInfoProto::default() }],
        ..GraphProto::default()
    };
    let mut nodes: Vec<&NodeProto> = Vec::new();
    for scope in scopes.into_iter().rev() {
        for node in scope.node.iter().rev() {
            if node.output.iter().any(|output| needed.contains(output.as_str())) {
                nodes.push(node);
                read_by(node, &mut needed);
            }
        }
        let values = scope.initializer.iter();
        part.initializer.extend(values.filter(|v| needed.contains(v.name.as_str())).cloned());
    }
    part.node = nodes.into_iter().rev().cloned().collect();
    Some(ModelProto {
        graph: Some(part),
        opset_import: model.opset_import.clone(),
        ir_version: model.ir_version,
        ..ModelProto::default()
    })
}

/// Names that the node reads, also from inside its own subgraphs.
fn read_by<'a>(node: &'a NodeProto, names: &mut HashSet<&'a str>) {
    names.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
    for attribute in &node.attribute {
        for subgraph in attribute.g.iter().chain(&attribute.graphs) {
            subgraph.node.iter().for_each(|node| read_by(node, names));
            names.extend(subgraph.output.iter().map(|output| output.name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_branch_is_chosen_by_the_shape_of_the_input() {
        answers::match_onnxruntime("if_shape.onnx");
    }

    #[test]
    fn branches_inside_a_branch_are_chosen_by_shape_too() {
        answers::match_onnxruntime("if_nested.onnx");
    }
}
