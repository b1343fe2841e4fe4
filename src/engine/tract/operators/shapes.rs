//! No shape of input makes an operator panic.
//!
//! Each node of the fixtures of ai.onnx.ml, alone and with inputs of unknown rank, gets
//! tensors without rows, without columns, with too few and too many, and of any rank.

use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use prost::Message;

use crate::engine::tract::answers;
use crate::engine::{LoadedModel, RunError};
use crate::tensor::{Shape, Tensor, batch};

const SHAPES: [&[usize]; 10] =
    [&[], &[0], &[3], &[0, 0], &[0, 3], &[2, 0], &[2, 1], &[2, 3], &[2, 5], &[2, 3, 4]];

#[test]
fn no_shape_makes_an_operator_panic() {
    let mut answered = 0;
    for file in std::fs::read_dir(answers::fixture("")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Encoders of labels go value by value; their many cases differ in types only.
        if !name.starts_with("ml_") || name.starts_with("ml_label_encoder") {
            continue;
        }
        let whole = ModelProto::decode(&*std::fs::read(&path).unwrap()).unwrap();
        for node in &whole.graph.as_ref().unwrap().node {
            let model = load(alone(&whole, node));
            answered += SHAPES.iter().filter(|dims| answers_to(model.as_ref(), dims, node)).count();
        }
    }
    assert!(answered > 500, "only {answered} shapes were accepted");
}

/// The model with this node only, and any rank for its inputs.
fn alone(whole: &ModelProto, node: &NodeProto) -> ModelProto {
    let graph = whole.graph.as_ref().unwrap();
    let mut graph = GraphProto { node: vec![node.clone()], ..graph.clone() };
    graph.input.retain(|input| node.input.contains(&input.name));
    graph.output.retain(|output| node.output.contains(&output.name));
    for input in &mut graph.input {
        let Some(Value::TensorType(tensor)) = &mut input.r#type.as_mut().unwrap().value else {
            panic!("{} is no tensor", input.name)
        };
        tensor.shape = None;
    }
    ModelProto { graph: Some(graph), ..whole.clone() }
}

fn load(model: ModelProto) -> std::sync::Arc<dyn LoadedModel> {
    let file = tempfile::NamedTempFile::with_suffix(".onnx").unwrap();
    std::fs::write(file.path(), model.encode_to_vec()).unwrap();
    answers::load_from(file.path().to_owned()).unwrap()
}

/// Whether it answers; otherwise it refuses in words.
fn answers_to(model: &dyn LoadedModel, dims: &[usize], node: &NodeProto) -> bool {
    let shape = Shape::new(dims.to_vec()).unwrap();
    let inputs = model.signature().inputs.iter();
    let inputs: Vec<Tensor> =
        inputs.map(|input| batch::zeros(shape.clone(), input.data_type)).collect();
    match answers::answer(model, &inputs) {
        Ok(_) => true,
        Err(refusal @ (RunError::Panic { .. } | RunError::Output { .. })) => {
            panic!("{} with {dims:?}: {refusal}", node.name)
        }
        Err(refusal) => {
            let words = ["attribute", "dimension", "column", "categories"];
            let refusal = refusal.to_string();
            assert!(words.iter().any(|word| refusal.contains(word)), "{}: {refusal}", node.name);
            false
        }
    }
}
