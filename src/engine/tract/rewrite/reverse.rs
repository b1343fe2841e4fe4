//! Recurrences that run backwards in time.
//!
//! tract ignores `direction = "reverse"` and runs forward. It does run the second half of
//! `"bidirectional"` backwards, so a reverse recurrence becomes the second half of a
//! bidirectional one with the same weights in both; nobody reads the first half, and the
//! optimiser drops it.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::nodes;

/// Inputs with a leading axis for directions: weights, recurrent weights, biases, initial
/// states, peepholes. The others are the sequence and its lengths.
const PER_DIRECTION: [usize; 6] = [1, 2, 3, 5, 6, 7];

pub(super) fn as_bidirectional(graph: &mut GraphProto, opset: i64) {
    if !graph.node.iter().any(is_reverse) {
        return;
    }
    for node in std::mem::take(&mut graph.node) {
        if is_reverse(&node) {
            graph.node.extend(second_half(node, opset));
        } else {
            graph.node.push(node);
        }
    }
}

fn is_reverse(node: &NodeProto) -> bool {
    matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN")
        && node.attribute.iter().any(|a| a.name == "direction" && &*a.s == b"reverse")
}

fn second_half(mut node: NodeProto, opset: i64) -> Vec<NodeProto> {
    let base = node.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    let mut made = Vec::new();
    for slot in PER_DIRECTION {
        if let Some(input) = node.input.get_mut(slot).filter(|input| !input.is_empty()) {
            let twice = format!("{base}.input_{slot}_twice");
            made.push(nodes::concat(&[input, input], &twice, 0));
            *input = twice;
        }
    }
    for attribute in &mut node.attribute {
        if attribute.name == "direction" {
            attribute.s = "bidirectional".into();
        }
    }
    let mut halves = Vec::new();
    for (slot, output) in node.output.iter_mut().enumerate().filter(|(_, name)| !name.is_empty()) {
        let both = format!("{output}.both");
        // Y is [sequence, directions, batch, hidden], the final states [directions, ..].
        let axis = i64::from(slot == 0);
        halves.extend(nodes::slice((&both, output), axis, (1, 2), opset));
        *output = both;
    }
    made.push(node);
    made.extend(halves);
    made
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_reverse_recurrence_runs_backwards_in_time() {
        answers::match_onnxruntime("lstm_reverse.onnx");
        answers::match_onnxruntime("gru_reverse.onnx");
        answers::match_onnxruntime("rnn_reverse_old.onnx");
    }
}
