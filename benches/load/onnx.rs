//! Writes ONNX files from Rust, so that nothing large lies in the repository. Weights come
//! from a generator with a fixed seed: a file is the same whoever writes it.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
};

/// The file of a graph.
pub fn file(graph: GraphProto) -> Vec<u8> {
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![opset],
        graph: Some(graph),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

pub fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        name: format!("{operator}_{output}"),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// An attribute that is a list of integers.
pub fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// Values between minus and plus `scale`, always the same ones for a name.
pub fn weights(name: &str, dims: &[usize], scale: f32) -> TensorProto {
    let mut state = name.bytes().fold(1u32, |state, byte| state * 31 + u32::from(byte));
    let values = (0..dims.iter().product()).map(|_| {
        // A linear congruential generator; the constants are those of Numerical Recipes.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from((state >> 16) as u16) / 32768.0 - 1.0) * scale
    });
    tensor(name, dims, values.collect())
}

pub fn tensor(name: &str, dims: &[usize], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.iter().copied().map(signed).collect(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// An input or output of shape `[N, dims…]`.
pub fn rows_of(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |value| Dimension { value: Some(value), ..Dimension::default() };
    let rows = dim(DimValue::DimParam("N".to_owned()));
    let rest = dims.iter().map(|&size| dim(DimValue::DimValue(signed(size))));
    let shape = Some(TensorShapeProto { dim: std::iter::once(rows).chain(rest).collect() });
    let tensor = Tensor { elem_type: DataType::Float as i32, shape };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value: Some(Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

fn signed(dim: usize) -> i64 {
    i64::try_from(dim).expect("a small dimension")
}
