//! Typed tensor elements into JSON text.

use half::f16;

use crate::tensor::{CompactString, Data, DataType, Shape, Tensor, each};

/// How to write NaN and the infinities, which JSON does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonFinite {
    /// The bare tokens `NaN`, `Infinity`, `-Infinity`.
    Bare,
    /// `null`: strict JSON.
    Null,
}

/// JSON has no 16-bit floats in this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} travels as binary data only, not as JSON; ask for this output with binary_data: true")]
pub struct Unwritable(pub DataType);

/// Appends the elements as one flat array.
///
/// # Errors
/// [`Unwritable`] for FP16.
pub fn write_flat(out: &mut Vec<u8>, data: &Data, policy: NonFinite) -> Result<(), Unwritable> {
    if data.data_type() == DataType::Fp16 {
        return Err(Unwritable(DataType::Fp16));
    }
    write_range(out, data, 0, data.len(), policy);
    Ok(())
}

/// Appends the tensor as arrays nested like its shape; a scalar as a bare value.
pub fn write_nested(out: &mut Vec<u8>, tensor: &Tensor, policy: NonFinite) {
    write_level(out, tensor.data(), tensor.shape().dims(), 0, policy);
}

/// Appends row `row` of the tensor's leading axis, nested like the rest of its shape.
pub fn write_row(out: &mut Vec<u8>, tensor: &Tensor, row: usize, policy: NonFinite) {
    let shape: &Shape = tensor.shape();
    write_level(out, tensor.data(), &shape.dims()[1..], row * shape.row_elements(), policy);
}

/// Appends row `row` of a matrix as an object. `keys` are as [`write_key`] writes them, one
/// for each column.
pub fn write_object(
    out: &mut Vec<u8>,
    matrix: &Tensor,
    row: usize,
    keys: &[Vec<u8>],
    policy: NonFinite,
) {
    let start = row * matrix.shape().row_elements();
    out.push(b'{');
    each!(matrix.data(), values => {
        for (column, (key, value)) in keys.iter().zip(&values[start..]).enumerate() {
            if column > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            value.write(out, policy);
        }
    });
    out.push(b'}');
}

/// A name with the colon behind it.
#[must_use]
pub fn write_key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    write_string(&mut key, name);
    key.push(b':');
    key
}

/// Appends a JSON string with its quotes.
pub fn write_string(out: &mut Vec<u8>, string: &str) {
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(out, string);
}

fn write_level(out: &mut Vec<u8>, data: &Data, dims: &[usize], start: usize, policy: NonFinite) {
    match dims {
        [] => each!(data, values => values[start].write(out, policy)),
        [length] => write_range(out, data, start, start + length, policy),
        [length, rest @ ..] => {
            let step: usize = rest.iter().product();
            out.push(b'[');
            for index in 0..*length {
                if index > 0 {
                    out.push(b',');
                }
                write_level(out, data, rest, start + index * step, policy);
            }
            out.push(b']');
        }
    }
}

fn write_range(out: &mut Vec<u8>, data: &Data, start: usize, end: usize, policy: NonFinite) {
    each!(data, values => write_array(out, &values[start..end], policy));
}

/// Appends the text of a number. Most have 8 to 16 characters; those go in two halves that
/// overlap, because a copy of a length that is not known costs a call.
#[inline]
fn append(out: &mut Vec<u8>, text: &str) {
    let text = text.as_bytes();
    let halves = text.first_chunk().copied().zip(text.last_chunk().copied());
    let Some((first, last)) = halves.filter(|_| text.len() <= 16) else {
        out.extend_from_slice(text);
        return;
    };
    let last = u128::from(u64::from_le_bytes(last)) << 64 >> (8 * (16 - text.len()));
    let whole = u128::from(u64::from_le_bytes(first)) | last;
    let end = out.len() + text.len();
    out.extend_from_slice(&whole.to_le_bytes());
    out.truncate(end);
}

fn write_array<T: WriteJson>(out: &mut Vec<u8>, values: &[T], policy: NonFinite) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value.write(out, policy);
    }
    out.push(b']');
}

trait WriteJson {
    fn write(&self, out: &mut Vec<u8>, policy: NonFinite);
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl WriteJson for $rust {
            #[inline]
            fn write(&self, out: &mut Vec<u8>, _: NonFinite) {
                append(out, itoa::Buffer::new().format(*self));
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

/// The digits are written in large pieces, which are slow where they cross a cache line.
#[repr(align(64))]
struct Aligned(zmij::Buffer);

macro_rules! floats {
    ($($rust:ty),*) => {
        $(impl WriteJson for $rust {
            /// The shortest decimal that reads back as the same number.
            #[inline]
            fn write(&self, out: &mut Vec<u8>, policy: NonFinite) {
                if self.is_finite() {
                    let mut buffer = Aligned(zmij::Buffer::new());
                    append(out, buffer.0.format_finite(*self));
                } else {
                    out.extend_from_slice(non_finite(f64::from(*self), policy).as_bytes());
                }
            }
        })*
    };
}

floats!(f32, f64);

fn non_finite(value: f64, policy: NonFinite) -> &'static str {
    match policy {
        NonFinite::Null => "null",
        NonFinite::Bare if value.is_nan() => "NaN",
        NonFinite::Bare if value > 0.0 => "Infinity",
        NonFinite::Bare => "-Infinity",
    }
}

impl WriteJson for f16 {
    fn write(&self, out: &mut Vec<u8>, policy: NonFinite) {
        self.to_f32().write(out, policy);
    }
}

impl WriteJson for bool {
    fn write(&self, out: &mut Vec<u8>, _: NonFinite) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl WriteJson for CompactString {
    fn write(&self, out: &mut Vec<u8>, _: NonFinite) {
        write_string(out, self);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(data: &Data, policy: NonFinite) -> String {
        let mut out = Vec::new();
        write_flat(&mut out, data, policy).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn non_finite_numbers_are_bare_tokens_or_null_as_asked() {
        let data = Data::Fp32(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0]);
        assert_eq!(flat(&data, NonFinite::Bare), "[NaN,Infinity,-Infinity,-0.0]");
        assert_eq!(flat(&data, NonFinite::Null), "[null,null,null,-0.0]");
    }

    #[test]
    fn nesting_follows_the_shape() {
        let tensor =
            Tensor::new(Shape::new(vec![2, 1, 2]).unwrap(), vec![1i64, 2, 3, 4].into()).unwrap();
        let mut out = Vec::new();
        write_nested(&mut out, &tensor, NonFinite::Bare);
        out.push(b' ');
        write_row(&mut out, &tensor, 1, NonFinite::Bare);
        assert_eq!(out, b"[[[1,2]],[[3,4]]] [[3,4]]");
    }

    #[test]
    fn fp16_is_refused_as_flat_json() {
        let error = write_flat(&mut Vec::new(), &Data::Fp16(vec![]), NonFinite::Bare).unwrap_err();
        assert_eq!(error, Unwritable(DataType::Fp16));
    }

    proptest! {
        #[test]
        fn every_finite_float_reads_back_bit_for_bit(bits32: u32, bits64: u64) {
            let (single, double) = (f32::from_bits(bits32), f64::from_bits(bits64));
            if single.is_finite() && double.is_finite() {
                let text = flat(&Data::Fp32(vec![single]), NonFinite::Bare);
                let again: Vec<f32> = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(again[0].to_bits(), single.to_bits());
                let text = flat(&Data::Fp64(vec![double]), NonFinite::Bare);
                let number = text.trim_matches(['[', ']']);
                prop_assert_eq!(number.parse::<f64>().unwrap().to_bits(), double.to_bits());
            }
        }

        #[test]
        fn every_string_reads_back(strings: Vec<String>) {
            let texts = strings.iter().map(CompactString::from).collect();
            let text = flat(&Data::Bytes(texts), NonFinite::Bare);
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), strings);
        }
    }
}
