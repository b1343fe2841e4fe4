//! `ReduceLogSumExp` that does not overflow: log(sum(exp(x - m))) + m with the largest value m.
//!
//! tract takes the exponential of the values as they are.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::nodes;

pub(super) fn from_the_largest(graph: &mut GraphProto, opset: i64) {
    let is_it = |node: &NodeProto| node.op_type == "ReduceLogSumExp" && node.domain.is_empty();
    if !graph.node.iter().any(is_it) {
        return;
    }
    for node in std::mem::take(&mut graph.node) {
        if is_it(&node) {
            graph.node.extend(parts(&node, opset));
        } else {
            graph.node.push(node);
        }
    }
}

fn parts(node: &NodeProto, opset: i64) -> Vec<NodeProto> {
    let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return Vec::new() };
    let name = |part: &str| format!("{y}.{part}");
    let axes_input = node.input.get(1).cloned();
    let axes = node.attribute.iter().find(|attribute| attribute.name == "axes");
    let reduce = |operator: &str, from: &str, to: &str, keep: bool| {
        let mut made = nodes::node(operator, &[from], &[to]);
        made.input.extend(axes_input.clone());
        let other = |name: &str| name != "keepdims";
        made.attribute = node.attribute.iter().filter(|a| other(&a.name)).cloned().collect();
        made.attribute.push(nodes::int("keepdims", i64::from(keep)));
        made
    };
    let keep = node.attribute.iter().find(|a| a.name == "keepdims").is_none_or(|a| a.i != 0);
    let mut made = vec![
        reduce("ReduceMax", x, &name("largest"), true),
        // An infinite one is not taken off: the difference would be no number.
        nodes::node("Sub", &[&name("largest"), &name("largest")], &[&name("nought_or_nan")]),
        nodes::node("Equal", &[&name("nought_or_nan"), &name("nought_or_nan")], &[&name("finite")]),
        nodes::node("Sign", &[&name("largest")], &[&name("sign")]),
        nodes::node("Sub", &[&name("sign"), &name("sign")], &[&name("nought")]),
        nodes::node(
            "Where",
            &[&name("finite"), &name("largest"), &name("nought")],
            &[&name("off")],
        ),
        nodes::node("Sub", &[x, &name("off")], &[&name("below")]),
        nodes::node("Exp", &[&name("below")], &[&name("powers")]),
    ];
    let mut sum = reduce("ReduceSum", &name("powers"), &name("sum"), true);
    // Its axes became an input earlier than those of its siblings.
    if let Some(axes) = axes.filter(|_| opset >= 13) {
        sum.attribute.retain(|attribute| attribute.name != "axes");
        made.push(nodes::constant(&name("axes"), axes.ints.clone()));
        sum.input.push(name("axes"));
    }
    made.push(sum);
    made.push(nodes::node("Log", &[&name("sum")], &[&name("log")]));
    if keep {
        made.push(nodes::node("Add", &[&name("log"), &name("off")], &[y]));
    } else {
        made.push(nodes::node("Add", &[&name("log"), &name("off")], &[&name("kept")]));
        made.push(reduce("ReduceMax", &name("kept"), y, false));
    }
    made
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn values_whose_exponentials_overflow_have_a_finite_result() {
        answers::match_onnxruntime("standard_log_sum_exp.onnx");
    }
}
