//! Puts values that a contract allows in the place of those that it does not.

use half::f16;

use crate::tensor::{CompactString, DataType, Element, Tensor};

/// What a value becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fix<'c> {
    Number(f64),
    Whole(i128),
    Text(&'c str),
}

/// Repairs of the column that is being looked at, by element of its tensor: one list, used again
/// for every column.
#[derive(Default)]
pub(super) struct Fixes<'c> {
    found: Vec<(usize, Fix<'c>)>,
    /// Values that were repaired in all columns so far.
    pub(super) total: u64,
}

impl<'c> Fixes<'c> {
    pub(super) fn push(&mut self, element: usize, fix: Fix<'c>) {
        self.found.push((element, fix));
        self.total += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Makes all of them in their tensor, and forgets them.
    pub(super) fn apply(&mut self, tensor: &mut Tensor) {
        match tensor.data_type() {
            DataType::Bytes => self.put(tensor, |fix| CompactString::from(fix.text())),
            DataType::Bool => self.put(tensor, |fix| fix.number() > 0.5),
            DataType::Fp16 => self.put(tensor, |fix| f16::from_f64(fix.number())),
            DataType::Fp64 => self.put(tensor, Fix::number),
            _ => self.put_cast(tensor),
        }
        self.found.clear();
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "that the type holds them was checked when the contract was compiled"
    )]
    fn put_cast(&self, tensor: &mut Tensor) {
        match tensor.data_type() {
            DataType::Uint8 => self.put(tensor, |fix| fix.number() as u8),
            DataType::Uint16 => self.put(tensor, |fix| fix.number() as u16),
            DataType::Uint32 => self.put(tensor, |fix| fix.number() as u32),
            DataType::Uint64 => self.put(tensor, |fix| fix.whole() as u64),
            DataType::Int8 => self.put(tensor, |fix| fix.number() as i8),
            DataType::Int16 => self.put(tensor, |fix| fix.number() as i16),
            DataType::Int32 => self.put(tensor, |fix| fix.number() as i32),
            DataType::Int64 => self.put(tensor, |fix| fix.whole() as i64),
            DataType::Fp32 => self.put(tensor, |fix| fix.number() as f32),
            DataType::Bool | DataType::Fp16 | DataType::Fp64 | DataType::Bytes => {}
        }
    }

    fn put<T: Element>(&self, tensor: &mut Tensor, value: impl Fn(Fix<'c>) -> T) {
        tensor.put(self.found.iter().map(|(element, fix)| (*element, value(*fix))));
    }
}

/// A rule of texts has texts, one of numbers numbers: the other arms are not reached.
impl<'c> Fix<'c> {
    #[expect(clippy::cast_precision_loss, reason = "64 bits are not read as this")]
    fn number(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Whole(number) => number as f64,
            Self::Text(_) => f64::NAN,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
    fn whole(self) -> i128 {
        match self {
            Self::Whole(number) => number,
            Self::Number(number) => number as i128,
            Self::Text(_) => 0,
        }
    }

    fn text(self) -> &'c str {
        if let Self::Text(text) = self { text } else { "" }
    }
}
