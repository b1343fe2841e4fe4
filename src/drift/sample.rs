//! A reference for tests: one number, always 1.

use super::{Order, Reference, Survey};
use crate::engine::{Dim, Signature, TensorSpec};
use crate::tensor::{DataType, Shape, Tensor};

/// Inputs of a request that has nothing but ones.
pub(super) fn ones(rows: usize) -> [Tensor; 1] {
    let shape = Shape::new(vec![rows]).unwrap();
    [Tensor::new(shape, vec![1.0f32; rows].into()).unwrap()]
}

/// Made of so many rows; its id is another one for each number of them.
pub(super) fn reference(rows: usize) -> Reference {
    let spec = TensorSpec {
        name: "x".to_owned(),
        data_type: DataType::Fp32,
        dims: Some(vec![Dim::Unknown]),
        columns: None,
    };
    let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
    let mut survey = Survey::new(&signature).unwrap();
    survey.add(&ones(rows), &[], rows);
    let mut census = survey.finish(Order::Any).unwrap();
    census.add(&ones(rows), &[], rows);
    let bytes = serde_json::to_vec(&census.finish("x").unwrap()).unwrap();
    Reference::parse(&bytes, "x", &signature).unwrap()
}
