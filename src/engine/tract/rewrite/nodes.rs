//! Building ONNX nodes.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

/// The version of the default operator set that the model imports.
pub(super) fn opset(model: &ModelProto) -> i64 {
    let default = |domain: &str| matches!(domain, "" | "ai.onnx");
    model.opset_import.iter().find(|opset| default(&opset.domain)).map_or(0, |opset| opset.version)
}

/// A node named after its first output.
pub(super) fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        op_type: operator.to_owned(),
        name: outputs.first().map_or_else(String::new, |&output| output.to_owned()),
        input: owned(inputs),
        output: owned(outputs),
        ..NodeProto::default()
    }
}

pub(super) fn concat(inputs: &[&str], output: &str, axis: i64) -> NodeProto {
    let mut made = node("Concat", inputs, &[output]);
    made.attribute.push(int("axis", axis));
    made
}

/// `output = input[.., start..end, ..]` along `axis`: the slice, after the constants that
/// it needs from operator set 10 on.
pub(super) fn slice(
    (input, output): (&str, &str),
    axis: i64,
    (start, end): (i64, i64),
    opset: i64,
) -> Vec<NodeProto> {
    if opset < 10 {
        let mut made = node("Slice", &[input], &[output]);
        made.attribute = vec![ints("axes", axis), ints("starts", start), ints("ends", end)];
        return vec![made];
    }
    let named = [("start", start), ("end", end), ("axis", axis)];
    let named = named.map(|(part, value)| (format!("{output}.{part}"), value));
    let mut made: Vec<NodeProto> =
        named.iter().map(|(name, value)| constant(name, vec![*value])).collect();
    let [(start, _), (end, _), (axis, _)] = &named;
    made.push(node("Slice", &[input, start, end, axis], &[output]));
    made
}

/// A Constant node with a vector of integers.
pub(super) fn constant(output: &str, values: Vec<i64>) -> NodeProto {
    let tensor = TensorProto {
        data_type: DataType::Int64 as i32,
        dims: vec![i64::try_from(values.len()).unwrap_or(i64::MAX)],
        int64_data: values,
        ..TensorProto::default()
    };
    let mut made = node("Constant", &[], &[output]);
    made.attribute.push(AttributeProto {
        name: "value".to_owned(),
        r#type: AttributeType::Tensor as i32,
        t: Some(tensor),
        ..AttributeProto::default()
    });
    made
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: vec![value],
        ..AttributeProto::default()
    }
}
