//! A model that gives back what it gets.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
};

/// The name and type of each input, and its columns. The outputs are called with an `s` more.
const INPUTS: [(&str, DataType, i64); 3] =
    [("real", DataType::Float, 4), ("whole", DataType::Int64, 2), ("text", DataType::String, 2)];

/// The file.
pub fn echo() -> Vec<u8> {
    let values = |suffix: &str| {
        INPUTS.map(|(name, data_type, width)| value(&format!("{name}{suffix}"), data_type, width))
    };
    let graph = GraphProto {
        name: "echo".to_owned(),
        node: INPUTS.map(|(name, ..)| identity(name)).to_vec(),
        input: values("").to_vec(),
        output: values("s").to_vec(),
        ..GraphProto::default()
    };
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![opset],
        graph: Some(graph),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn identity(name: &str) -> NodeProto {
    NodeProto {
        op_type: "Identity".to_owned(),
        name: format!("echo_{name}"),
        input: vec![name.to_owned()],
        output: vec![format!("{name}s")],
        ..NodeProto::default()
    }
}

fn value(name: &str, data_type: DataType, width: i64) -> ValueInfoProto {
    let dim = |size| Dimension { value: Some(size), ..Dimension::default() };
    let dims = vec![dim(Size::DimParam("N".to_owned())), dim(Size::DimValue(width))];
    let shape = Some(TensorShapeProto { dim: dims });
    let tensor = Tensor { elem_type: data_type as i32, shape };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value: Some(Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}
