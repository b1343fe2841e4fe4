//! Puts values that a contract allows in the place of those that it does not.

use half::f16;

use crate::tensor::{Data, Tensor};

/// One element and what it becomes.
pub(super) struct Fix {
    pub(super) tensor: usize,
    pub(super) element: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Number(f64),
    Text(String),
}

pub(super) fn apply(mut tensors: Vec<Tensor>, fixes: &[Fix]) -> Vec<Tensor> {
    for (place, tensor) in tensors.iter_mut().enumerate() {
        if !fixes.iter().any(|fix| fix.tensor == place) {
            continue;
        }
        let mut data = tensor.data().clone();
        for fix in fixes.iter().filter(|fix| fix.tensor == place) {
            set(&mut data, fix);
        }
        // The length is what it was.
        if let Ok(repaired) = Tensor::new(tensor.shape().clone(), data) {
            *tensor = repaired;
        }
    }
    tensors
}

macro_rules! put {
    ($values:expr, $at:expr, $value:expr) => {
        if let Some(slot) = $values.get_mut($at) {
            *slot = $value;
        }
    };
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounds of whole numbers saturate"
)]
fn set(data: &mut Data, fix: &Fix) {
    let at = fix.element;
    match (&fix.value, data) {
        (Value::Text(text), Data::Bytes(texts)) => put!(texts, at, text.as_str().into()),
        (Value::Number(number), Data::Bool(values)) => put!(values, at, *number > 0.5),
        (Value::Number(number), Data::Uint8(values)) => put!(values, at, *number as u8),
        (Value::Number(number), Data::Uint16(values)) => put!(values, at, *number as u16),
        (Value::Number(number), Data::Uint32(values)) => put!(values, at, *number as u32),
        (Value::Number(number), Data::Uint64(values)) => put!(values, at, *number as u64),
        (Value::Number(number), Data::Int8(values)) => put!(values, at, *number as i8),
        (Value::Number(number), Data::Int16(values)) => put!(values, at, *number as i16),
        (Value::Number(number), Data::Int32(values)) => put!(values, at, *number as i32),
        (Value::Number(number), Data::Int64(values)) => put!(values, at, *number as i64),
        (Value::Number(number), Data::Fp16(values)) => put!(values, at, f16::from_f64(*number)),
        (Value::Number(number), Data::Fp32(values)) => put!(values, at, *number as f32),
        (Value::Number(number), Data::Fp64(values)) => put!(values, at, *number),
        // A rule of texts has texts, one of numbers numbers.
        (Value::Text(_), _) | (Value::Number(_), Data::Bytes(_)) => {}
    }
}
