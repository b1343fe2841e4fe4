//! Replacing an `If` by one of its branches.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use super::nodes;

/// The branch that an `If` takes.
pub(super) fn of(node: &NodeProto, condition: bool) -> Option<&GraphProto> {
    let name = if condition { "then_branch" } else { "else_branch" };
    node.attribute.iter().find(|attribute| attribute.name == name)?.g.as_ref()
}

/// Puts the taken branch in the place of the `If` at this position. False if there is no
/// such branch.
pub(super) fn inline(graph: &mut GraphProto, at: usize, condition: bool) -> bool {
    let Some(mut branch) = of(&graph.node[at], condition).cloned() else {
        return false;
    };
    let node = graph.node.remove(at);
    let place = node.output.first().map_or("", String::as_str);
    let names = clashes(graph, &branch, &node);
    rename(&mut branch, &names);
    // tract refuses two nodes of one name, which ONNX allows.
    let nodes: HashSet<&str> = graph.node.iter().map(|node| node.name.as_str()).collect();
    for node in branch.node.iter_mut().filter(|node| nodes.contains(node.name.as_str())) {
        node.name = format!("{place}.branch.{}", node.output.first().map_or("", String::as_str));
    }
    let results = branch
        .output
        .iter()
        .zip(&node.output)
        .map(|(inner, outer)| nodes::node("Identity", &[&inner.name], &[outer]));
    let results: Vec<NodeProto> = results.collect();
    graph.initializer.extend(branch.initializer);
    graph.node.splice(at..at, branch.node.into_iter().chain(results));
    true
}

/// New names for values of the branch that are taken in the graph: ONNX lets the branches
/// of two `If`s use the same ones.
fn clashes(graph: &GraphProto, branch: &GraphProto, node: &NodeProto) -> HashMap<String, String> {
    let taken: HashSet<&str> = defined(graph)
        .chain(graph.input.iter().map(|input| input.name.as_str()))
        .chain(node.output.iter().map(String::as_str))
        .collect();
    let place = node.output.first().map_or("", String::as_str);
    defined(branch)
        .filter(|name| taken.contains(name))
        .map(|name| (name.to_owned(), format!("{place}.branch.{name}")))
        .collect()
}

fn defined(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let values = graph.initializer.iter().map(|tensor| &tensor.name);
    let outputs = graph.node.iter().flat_map(|node| &node.output);
    values.chain(outputs).map(String::as_str).filter(|name| !name.is_empty())
}

fn rename(graph: &mut GraphProto, names: &HashMap<String, String>) {
    if names.is_empty() {
        return;
    }
    let rename_one = |name: &mut String| {
        if let Some(new) = names.get(name) {
            name.clone_from(new);
        }
    };
    graph.initializer.iter_mut().for_each(|tensor| rename_one(&mut tensor.name));
    graph.output.iter_mut().for_each(|output| rename_one(&mut output.name));
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(rename_one);
        for attribute in &mut node.attribute {
            for subgraph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                rename(subgraph, names);
            }
        }
    }
}
