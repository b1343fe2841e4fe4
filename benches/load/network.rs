//! A network of 34 MB, written here so that nothing large lies in the repository: two layers
//! of 2,048 units. Versions differ in the bias of the last layer, so every answer tells
//! which one gave it.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
};

pub const INPUTS: usize = 64;
const UNITS: usize = 2048;

/// What a version's answers lie above those of version 0.
pub const STEP: f64 = 1000.0;

/// The file of a version.
pub fn file(version: u64) -> Vec<u8> {
    let bias = f32::from(u16::try_from(version).expect("few versions")) * 1000.0;
    let layers = [
        ("x", "a", weights("w1", INPUTS, UNITS), weights("b1", 1, UNITS)),
        ("ra", "b", weights("w2", UNITS, UNITS), weights("b2", 1, UNITS)),
        ("rb", "c", weights("w3", UNITS, UNITS), weights("b3", 1, UNITS)),
        ("rc", "y", weights("w4", UNITS, 1), tensor("b4", [1, 1], vec![bias])),
    ];
    let mut graph = GraphProto {
        name: "network".to_owned(),
        input: vec![value("x", INPUTS)],
        output: vec![value("y", 1)],
        ..GraphProto::default()
    };
    for (input, output, weight, bias) in layers {
        graph.node.push(node("Gemm", &[input, &weight.name, &bias.name], output));
        if output != "y" {
            graph.node.push(node("Relu", &[output], &format!("r{output}")));
        }
        graph.initializer.extend([weight, bias]);
    }
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![opset],
        graph: Some(graph),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn signed(dim: usize) -> i64 {
    i64::try_from(dim).expect("a small dimension")
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        name: format!("{operator}_{output}"),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// Values between minus and plus one over the root of the units, always the same ones.
fn weights(name: &str, rows: usize, columns: usize) -> TensorProto {
    let scale = 1.0 / (UNITS as f32).sqrt();
    let mut state = name.bytes().fold(1u32, |state, byte| state * 31 + u32::from(byte));
    let values = (0..rows * columns).map(|_| {
        // A linear congruential generator; the constants are those of Numerical Recipes.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from((state >> 16) as u16) / 32768.0 - 1.0) * scale
    });
    tensor(name, [rows, columns], values.collect())
}

fn tensor(name: &str, dims: [usize; 2], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.map(signed).to_vec(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn value(name: &str, columns: usize) -> ValueInfoProto {
    let dim = |value| Dimension { value: Some(value), ..Dimension::default() };
    let rows = dim(DimValue::DimParam("N".to_owned()));
    let columns = dim(DimValue::DimValue(signed(columns)));
    let shape = Some(TensorShapeProto { dim: vec![rows, columns] });
    let tensor = Tensor { elem_type: DataType::Float as i32, shape };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value: Some(Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}
