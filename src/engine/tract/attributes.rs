//! Attributes that would be read past: a model that sets them would load and give wrong
//! results, so it is refused.

use std::collections::HashMap;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

use super::support::{full_name, node_name};
use crate::engine::LoadError;

/// Attributes by operator, of all versions of the specification.
const SPECIFICATION: &str = include_str!("specification.txt");

/// # Errors
/// [`LoadError::Compile`] naming operator, node and attribute.
pub(super) fn check(graph: &GraphProto) -> Result<(), LoadError> {
    let known = SPECIFICATION.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.collect()))
    });
    check_nodes(graph, &known.collect())
}

/// The names of the attributes of each operator.
type Known<'a> = HashMap<&'a str, Vec<&'a str>>;

fn check_nodes(graph: &GraphProto, known: &Known) -> Result<(), LoadError> {
    for node in &graph.node {
        let problem = outside_the_specification(node, known)
            .or_else(|| Some(format!("{} is not supported", ignored(node)?)));
        if let Some(problem) = problem {
            let (operator, node) = (&node.op_type, node_name(node));
            let reason = format!("{operator} (node '{node}'): its attribute {problem}");
            return Err(LoadError::Compile { reason });
        }
        for attribute in &node.attribute {
            let mut graphs = attribute.g.iter().chain(&attribute.graphs);
            graphs.try_for_each(|graph| check_nodes(graph, known))?;
        }
    }
    Ok(())
}

/// An attribute that no version of the operator has, if the operator is one of the
/// specification.
fn outside_the_specification(node: &NodeProto, known: &Known) -> Option<String> {
    let known = known.get(full_name(node).as_str())?;
    let name = node.attribute.iter().map(|attribute| attribute.name.as_str());
    let name = name.into_iter().find(|name| !known.contains(name))?;
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Some(format!("'{name}' is not in the specification, which has {known}"))
}

/// The first attribute whose value tract would ignore.
fn ignored(node: &NodeProto) -> Option<String> {
    let defaults: &[&[u8]] = match node.op_type.as_str() {
        "LSTM" => &[b"sigmoid", b"tanh", b"tanh"],
        "GRU" => &[b"sigmoid", b"tanh"],
        "RNN" => &[b"tanh"],
        _ => return None,
    };
    let set = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    if let Some(given) = set("activations").and_then(|given| unusual(given, defaults)) {
        return Some(format!("activations = {given}"));
    }
    if let Some(clip) = set("clip") {
        return Some(format!("clip = {}", clip.f));
    }
    if let Some(forget) = set("input_forget").filter(|forget| forget.i != 0) {
        return Some(format!("input_forget = {}", forget.i));
    }
    // tract joins the two directions of a batch-first recurrence along the wrong axis.
    let both_ways = set("direction").is_some_and(|direction| &*direction.s != b"forward");
    let layout = set("layout").filter(|layout| both_ways && layout.i != 0)?;
    Some(format!("layout = {}", layout.i))
}

/// The activations, if they are not the operator's own (once for each direction).
fn unusual(given: &AttributeProto, defaults: &[&[u8]]) -> Option<String> {
    let usual = given
        .strings
        .iter()
        .zip(defaults.iter().cycle())
        .all(|(given, default)| given.eq_ignore_ascii_case(default));
    let names = given.strings.iter().map(|name| String::from_utf8_lossy(name));
    (!usual).then(|| names.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn an_attribute_that_would_be_ignored_refuses_the_model_by_name() {
        let refusals = [
            ("rnn_relu.onnx", "RNN (node 'rnn_y'): its attribute activations = Relu"),
            ("lstm_clip.onnx", "LSTM (node 'lstm_y'): its attribute clip = 0.5"),
            ("lstm_input_forget.onnx", "LSTM (node 'lstm_y'): its attribute input_forget = 1"),
            ("gru_batch_first.onnx", "GRU (node 'gru_y'): its attribute layout = 1"),
        ];
        for (file, expected) in refusals {
            let refusal = answers::load(file).err().map(|error| error.to_string());
            let refusal = refusal.unwrap_or_else(|| panic!("{file} loads"));
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn activations_that_are_the_default_anyway_load() {
        answers::match_onnxruntime("gru_usual_activations.onnx");
    }
}
