//! Rows as cells, and the same as tensors.

use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::tensor::{CompactString, Data, DataType, Shape, Tensor};

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Real(f64),
    Whole(i128),
    Text(String),
}

/// An input of so many columns, which have one type.
#[derive(Debug, Clone)]
pub struct Input {
    pub name: String,
    pub data_type: DataType,
    pub width: usize,
    /// Row by row.
    pub cells: Vec<Cell>,
}

impl Input {
    /// What its columns are called.
    pub fn features(&self) -> Vec<String> {
        match self.width {
            1 => vec![self.name.clone()],
            width => (0..width).map(|column| format!("{}[{column}]", self.name)).collect(),
        }
    }

    pub fn spec(&self) -> TensorSpec {
        TensorSpec {
            name: self.name.clone(),
            data_type: self.data_type,
            dims: Some(vec![Dim::Unknown, Dim::Fixed(self.width)]),
            columns: None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "cells are values of the type")]
    #[expect(clippy::cast_sign_loss, reason = "cells are values of the type")]
    pub fn tensor(&self) -> Tensor {
        let reals = || self.cells.iter().map(real);
        let wholes = || self.cells.iter().map(whole);
        let data: Data = match self.data_type {
            DataType::Fp64 => reals().collect::<Vec<f64>>().into(),
            DataType::Fp32 => reals().map(|number| number as f32).collect::<Vec<f32>>().into(),
            DataType::Fp16 => Data::Fp16(reals().map(half::f16::from_f64).collect()),
            DataType::Int64 => wholes().map(|number| number as i64).collect::<Vec<i64>>().into(),
            DataType::Uint64 => wholes().map(|number| number as u64).collect::<Vec<u64>>().into(),
            DataType::Int32 => wholes().map(|number| number as i32).collect::<Vec<i32>>().into(),
            DataType::Uint8 => wholes().map(|number| number as u8).collect::<Vec<u8>>().into(),
            DataType::Bool => wholes().map(|number| number != 0).collect::<Vec<bool>>().into(),
            _ => Data::Bytes(self.cells.iter().map(text).collect()),
        };
        let shape = vec![self.cells.len() / self.width, self.width];
        Tensor::new(Shape::new(shape).expect("a small shape"), data).expect("it fits")
    }
}

fn real(cell: &Cell) -> f64 {
    if let Cell::Real(number) = cell { *number } else { f64::NAN }
}

fn whole(cell: &Cell) -> i128 {
    if let Cell::Whole(number) = cell { *number } else { 0 }
}

fn text(cell: &Cell) -> CompactString {
    if let Cell::Text(text) = cell { text.as_str().into() } else { "".into() }
}

pub fn signature(inputs: &[Input]) -> Signature {
    Signature { inputs: inputs.iter().map(Input::spec).collect(), outputs: Vec::new() }
}

pub fn tensors(inputs: &[Input]) -> Vec<Tensor> {
    inputs.iter().map(Input::tensor).collect()
}
