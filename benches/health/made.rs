//! Models and values that nobody measured.

use onnxd::drift::{Order, Profile, Reference};
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::tensor::{DataType, Shape, Tensor};

use crate::data::Batch;
use crate::random::Random;
use crate::watch;

/// A model whose one input has so many columns.
pub fn table(columns: usize) -> Signature {
    let input = TensorSpec {
        name: "x".to_owned(),
        data_type: DataType::Fp32,
        dims: Some(vec![Dim::Unknown, Dim::Fixed(columns)]),
        columns: None,
    };
    Signature { inputs: vec![input], outputs: Vec::new() }
}

/// The reference of such a model, of numbers in ten intervals.
pub fn reference(columns: usize, rows: usize) -> Reference {
    watch::against(&table(columns), &profile(columns, rows))
}

pub fn profile(columns: usize, rows: usize) -> Profile {
    let mut random = Random::new(2);
    let inputs = vec![tensor(&[rows, columns], normal(&mut random, rows * columns, 0.0))];
    let batch = Batch { time: 0, rows, inputs };
    watch::profile(&table(columns), &[batch], Order::Any)
}

/// Numbers around `mean`, of standard deviation 1.
pub fn normal(random: &mut Random, count: usize, mean: f32) -> Vec<f32> {
    let one = |_| {
        // Box and Muller's.
        let (radius, angle) = (random.exponential(2.0).sqrt(), random.unit());
        #[expect(clippy::cast_possible_truncation, reason = "inputs are FP32")]
        let normal = (radius * (angle * std::f64::consts::TAU).cos()) as f32;
        mean + normal
    };
    (0..count).map(one).collect()
}

pub fn column(values: Vec<f32>) -> Tensor {
    tensor(&[values.len(), 1], values)
}

pub fn tensor(dims: &[usize], values: Vec<f32>) -> Tensor {
    let shape = Shape::new(dims.to_vec()).expect("a small shape");
    Tensor::new(shape, values.into()).expect("it fits")
}
