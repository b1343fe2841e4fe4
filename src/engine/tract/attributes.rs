//! Attributes that tract reads past: a model that sets them would load and give wrong
//! results, so it is refused.

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

use super::operators::node_name;
use crate::engine::LoadError;

/// # Errors
/// [`LoadError::Compile`] naming operator, node and attribute.
pub(super) fn check(graph: &GraphProto) -> Result<(), LoadError> {
    for node in &graph.node {
        if let Some(attribute) = ignored(node) {
            let reason = format!(
                "{} (node '{}'): its attribute {attribute} is not supported",
                node.op_type,
                node_name(node)
            );
            return Err(LoadError::Compile { reason });
        }
        for attribute in &node.attribute {
            attribute.g.iter().chain(&attribute.graphs).try_for_each(check)?;
        }
    }
    Ok(())
}

/// The first attribute whose value tract would ignore.
fn ignored(node: &NodeProto) -> Option<String> {
    let defaults: &[&[u8]] = match node.op_type.as_str() {
        "TreeEnsembleClassifier" => return one_score_for_two_classes(node),
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

/// Two classes whose trees score only one of them: tract chooses the label before it works
/// out the other score, so labels come out wrong though scores are right.
fn one_score_for_two_classes(node: &NodeProto) -> Option<String> {
    let list = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let labels = list("classlabels_int64s").map_or(0, |labels| labels.ints.len())
        + list("classlabels_strings").map_or(0, |labels| labels.strings.len());
    let scored = &list("class_ids")?.ints;
    let one_class = scored.windows(2).all(|pair| pair[0] == pair[1]);
    let scored = scored.first().filter(|_| labels == 2 && one_class)?;
    Some(format!("class_ids = {scored} for all trees of two classes"))
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
