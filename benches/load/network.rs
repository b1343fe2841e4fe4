//! A network of 34 MB: two layers of 2,048 units. Versions differ in the bias of the last
//! layer, so every answer tells which one gave it.

use tract_onnx::pb::GraphProto;

use crate::onnx::{file as model, node, rows_of, tensor, weights};

pub const INPUTS: usize = 64;
const UNITS: usize = 2048;

/// What a version's answers lie above those of version 0.
pub const STEP: f64 = 1000.0;

/// The file of a version.
pub fn file(version: u64) -> Vec<u8> {
    with_bias(f32::from(u16::try_from(version).expect("few versions")) * 1000.0)
}

/// The same network with another last bias.
pub fn with_bias(bias: f32) -> Vec<u8> {
    let scale = 1.0 / (UNITS as f32).sqrt();
    let layers = [
        ("x", "a", weights("w1", &[INPUTS, UNITS], scale), weights("b1", &[1, UNITS], scale)),
        ("ra", "b", weights("w2", &[UNITS, UNITS], scale), weights("b2", &[1, UNITS], scale)),
        ("rb", "c", weights("w3", &[UNITS, UNITS], scale), weights("b3", &[1, UNITS], scale)),
        ("rc", "y", weights("w4", &[UNITS, 1], scale), tensor("b4", &[1, 1], vec![bias])),
    ];
    let mut graph = GraphProto {
        name: "network".to_owned(),
        input: vec![rows_of("x", &[INPUTS])],
        output: vec![rows_of("y", &[1])],
        ..GraphProto::default()
    };
    for (input, output, weight, bias) in layers {
        graph.node.push(node("Gemm", &[input, &weight.name, &bias.name], output));
        if output != "y" {
            graph.node.push(node("Relu", &[output], &format!("r{output}")));
        }
        graph.initializer.extend([weight, bias]);
    }
    model(graph)
}
