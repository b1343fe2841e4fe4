//! A network that takes about 10 ms for one row on one core: 3x3 convolutions over a small
//! picture, in 4 MB. Long enough that HTTP does not matter beside it, and too long to hide
//! a wrong order of the queue. Versions differ in the last bias.

use tract_onnx::pb::GraphProto;

use crate::onnx::{file as model, integers, node, rows_of, tensor, weights};

pub const NAME: &str = "convolutions";

/// Height and width of the picture.
pub const SIDE: usize = 24;
const CHANNELS: usize = 128;

/// Convolutions from [`CHANNELS`] to [`CHANNELS`], 170 million multiplications and
/// additions each.
const LAYERS: usize = 7;

/// What a version's answers lie above those of version 0.
const STEP: f32 = 8.0;

/// The file of a version.
pub fn file(version: u64) -> Vec<u8> {
    let bias = f32::from(u16::try_from(version).expect("few versions")) * STEP;
    let mut graph = GraphProto {
        name: NAME.to_owned(),
        input: vec![rows_of("x", &[1, SIDE, SIDE])],
        output: vec![rows_of("y", &[4])],
        ..GraphProto::default()
    };
    let mut input = "x".to_owned();
    for layer in 0..=LAYERS {
        let from = if layer == 0 { 1 } else { CHANNELS };
        input = convolution(&mut graph, &input, from, layer);
    }
    graph.node.push(node("GlobalAveragePool", &[&input], "pooled"));
    graph.node.push(node("Flatten", &["pooled"], "flat"));
    graph.node.push(node("Gemm", &["flat", "w", "b"], "y"));
    let spread = weights("w", &[CHANNELS, 4], 1.0);
    graph.initializer.extend([spread, tensor("b", &[4], vec![bias; 4])]);
    model(graph)
}

/// A convolution and its activation; gives the name of what comes out.
fn convolution(graph: &mut GraphProto, input: &str, from: usize, layer: usize) -> String {
    let (weight, sum, output) = (format!("w{layer}"), format!("c{layer}"), format!("r{layer}"));
    // The scale keeps values of about one size from layer to layer.
    let scale = (6.0 / (9 * from) as f32).sqrt();
    let mut convolution = node("Conv", &[input, &weight], &sum);
    convolution.attribute = vec![integers("kernel_shape", &[3, 3]), integers("pads", &[1; 4])];
    graph.node.extend([convolution, node("Relu", &[&sum], &output)]);
    graph.initializer.push(weights(&weight, &[CHANNELS, from, 3, 3], scale));
    output
}
