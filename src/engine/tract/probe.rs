//! Inputs for the warm-up: shapes that fill the open dimensions, and values that differ
//! from row to row.

use half::f16;

use crate::engine::{Dim, Signature};
use crate::tensor::{Data, DataType, Shape, Tensor};

/// Sizes tried for open dimensions other than the rows, until one runs: token sequences
/// first, then images, audio windows, and the degenerate one.
pub(super) const SIZES: [usize; 9] = [16, 64, 224, 32, 1, 512, 640, 76, 16_000];

/// Texts that differ in their number of characters, words and parts.
const TEXTS: [&str; 4] = ["a", "b", "a b,c", "b;a b, c-a"];

/// Shapes of all inputs with `rows` in every open leading dimension and `size` in every
/// other open one. An input of unknown rank is taken for a matrix.
pub(super) fn shapes(signature: &Signature, rows: usize, size: usize) -> Option<Vec<Shape>> {
    let rows_symbols: Vec<&Dim> = signature
        .inputs
        .iter()
        .filter_map(|spec| spec.dims.as_ref()?.first())
        .filter(|dim| matches!(dim, Dim::Symbol(_)))
        .collect();
    signature
        .inputs
        .iter()
        .map(|spec| {
            let unknown_rank = [Dim::Unknown, Dim::Unknown];
            let dims = spec.dims.as_deref().unwrap_or(&unknown_rank);
            let dims = dims.iter().enumerate().map(|(axis, dim)| match dim {
                Dim::Fixed(size) => *size,
                Dim::Symbol(_) | Dim::Unknown if axis == 0 || rows_symbols.contains(&dim) => rows,
                Dim::Symbol(_) | Dim::Unknown => size,
            });
            Shape::new(dims.collect()).ok()
        })
        .collect()
}

/// Whether a dimension besides the leading one is open.
pub(super) fn has_inner_open_dims(signature: &Signature) -> bool {
    signature.inputs.iter().any(|spec| match &spec.dims {
        None => true,
        Some(dims) => dims.iter().skip(1).any(|dim| !matches!(dim, Dim::Fixed(_))),
    })
}

/// Whether the leading dimension of every input is open, so that it may count rows.
pub(super) fn has_rows(signature: &Signature) -> bool {
    let mut leading = signature.inputs.iter().map(|spec| spec.dims.as_ref()?.first());
    !signature.inputs.is_empty()
        && leading.all(|dim| dim.is_some_and(|dim| !matches!(dim, Dim::Fixed(_))))
}

/// Values in [0, 1) for floats, 0 and 1 for integers (any table has an entry 0 and most an
/// entry 1), the same for the same position on every call.
pub(super) fn values(signature: &Signature, shapes: &[Shape]) -> Option<Vec<Tensor>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    signature
        .inputs
        .iter()
        .zip(shapes)
        .map(|(spec, shape)| {
            let data = fill(spec.data_type, shape.elements(), &mut random);
            Tensor::new(shape.clone(), data).ok()
        })
        .collect()
}

fn fill(data_type: DataType, n: usize, random: &mut Random) -> Data {
    match data_type {
        DataType::Bool => Data::Bool((0..n).map(|_| random.bit() == 1).collect()),
        DataType::Uint8 => Data::Uint8((0..n).map(|_| random.bit()).collect()),
        DataType::Uint16 => Data::Uint16((0..n).map(|_| random.bit().into()).collect()),
        DataType::Uint32 => Data::Uint32((0..n).map(|_| random.bit().into()).collect()),
        DataType::Uint64 => Data::Uint64((0..n).map(|_| random.bit().into()).collect()),
        DataType::Int8 => Data::Int8((0..n).map(|_| i8::from(random.bit() == 1)).collect()),
        DataType::Int16 => Data::Int16((0..n).map(|_| random.bit().into()).collect()),
        DataType::Int32 => Data::Int32((0..n).map(|_| random.bit().into()).collect()),
        DataType::Int64 => Data::Int64((0..n).map(|_| random.bit().into()).collect()),
        DataType::Fp16 => Data::Fp16((0..n).map(|_| f16::from_f32(random.unit())).collect()),
        DataType::Fp32 => Data::Fp32((0..n).map(|_| random.unit()).collect()),
        DataType::Fp64 => Data::Fp64((0..n).map(|_| random.unit().into()).collect()),
        DataType::Bytes => Data::Bytes((0..n).map(|_| random.pick(&TEXTS).into()).collect()),
    }
}

/// Xorshift (Marsaglia, "Xorshift RNGs", 2003): repeatable, and random enough to tell rows
/// apart.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bit(&mut self) -> u8 {
        u8::from(self.next() >> 63 == 1)
    }

    fn pick(&mut self, choices: &[&'static str; 4]) -> &'static str {
        choices[usize::from(self.bit()) * 2 + usize::from(self.bit())]
    }

    fn unit(&mut self) -> f32 {
        let sixteen_bits = u16::try_from(self.next() >> 48).unwrap_or(u16::MAX);
        f32::from(sixteen_bits) / 65_536.0
    }
}
