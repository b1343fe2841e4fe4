//! Tensors between this program and tract.

use tract_onnx::prelude::tract_ndarray::{ArrayD, IxDyn};
use tract_onnx::prelude::{Datum, DatumType, IntoTensor, Tensor as TractTensor, TractResult};
use tract_onnx::tract_core::internal::{ensure, format_err};

use crate::tensor::{CompactString, Data, DataType, Shape, Tensor, Wire};

pub(super) fn datum_type(data_type: DataType) -> DatumType {
    match data_type {
        DataType::Bool => DatumType::Bool,
        DataType::Uint8 => DatumType::U8,
        DataType::Uint16 => DatumType::U16,
        DataType::Uint32 => DatumType::U32,
        DataType::Uint64 => DatumType::U64,
        DataType::Int8 => DatumType::I8,
        DataType::Int16 => DatumType::I16,
        DataType::Int32 => DatumType::I32,
        DataType::Int64 => DatumType::I64,
        DataType::Fp16 => DatumType::F16,
        DataType::Fp32 => DatumType::F32,
        DataType::Fp64 => DatumType::F64,
        DataType::Bytes => DatumType::String,
    }
}

pub(super) fn into_tract(tensor: &Tensor) -> TractResult<TractTensor> {
    let dims = tensor.shape().dims();
    if let Some(wire) = tensor.wire() {
        return gathered(datum_type(tensor.data_type()), dims, wire);
    }
    if let Some(dictionary) = tensor.dictionary() {
        return strings(dims, dictionary.texts());
    }
    match tensor.data() {
        Data::Bool(values) => TractTensor::from_shape(dims, values),
        Data::Uint8(values) => TractTensor::from_shape(dims, values),
        Data::Uint16(values) => TractTensor::from_shape(dims, values),
        Data::Uint32(values) => TractTensor::from_shape(dims, values),
        Data::Uint64(values) => TractTensor::from_shape(dims, values),
        Data::Int8(values) => TractTensor::from_shape(dims, values),
        Data::Int16(values) => TractTensor::from_shape(dims, values),
        Data::Int32(values) => TractTensor::from_shape(dims, values),
        Data::Int64(values) => TractTensor::from_shape(dims, values),
        Data::Fp16(values) => TractTensor::from_shape(dims, values),
        Data::Fp32(values) => TractTensor::from_shape(dims, values),
        Data::Fp64(values) => TractTensor::from_shape(dims, values),
        Data::Bytes(values) => strings(dims, values.iter()),
    }
}

fn strings<'t>(
    dims: &[usize],
    texts: impl Iterator<Item = &'t CompactString>,
) -> TractResult<TractTensor> {
    let texts = texts.map(|text| text.as_str().to_owned()).collect();
    Ok(ArrayD::from_shape_vec(IxDyn(dims), texts)?.into_tensor())
}

/// What came over the wire, copied to where it is read.
fn gathered(data_type: DatumType, dims: &[usize], wire: &Wire) -> TractResult<TractTensor> {
    let mut tensor = TractTensor::zero_dt(data_type, dims)?;
    let mut plain = tensor.try_as_plain_ram_mut()?;
    let mut rest = plain.as_bytes_mut();
    for piece in wire.pieces() {
        let (part, behind) = rest
            .split_at_mut_checked(piece.len())
            .ok_or_else(|| format_err!("more bytes came than the shape holds"))?;
        part.copy_from_slice(piece);
        rest = behind;
    }
    ensure!(rest.is_empty(), "fewer bytes came than the shape holds");
    Ok(tensor)
}

/// The tensor as the signature declares it, or why it is not that.
pub(super) fn from_tract(tensor: &TractTensor, declared: DataType) -> Result<Tensor, String> {
    let data = match declared {
        DataType::Bool => values::<bool>(tensor).map(Data::Bool),
        DataType::Uint8 => values::<u8>(tensor).map(Data::Uint8),
        DataType::Uint16 => values::<u16>(tensor).map(Data::Uint16),
        DataType::Uint32 => values::<u32>(tensor).map(Data::Uint32),
        DataType::Uint64 => values::<u64>(tensor).map(Data::Uint64),
        DataType::Int8 => values::<i8>(tensor).map(Data::Int8),
        DataType::Int16 => values::<i16>(tensor).map(Data::Int16),
        DataType::Int32 => values::<i32>(tensor).map(Data::Int32),
        DataType::Int64 => values::<i64>(tensor).map(Data::Int64),
        DataType::Fp16 => values::<half::f16>(tensor).map(Data::Fp16),
        DataType::Fp32 => values::<f32>(tensor).map(Data::Fp32),
        DataType::Fp64 => values::<f64>(tensor).map(Data::Fp64),
        DataType::Bytes => texts(tensor).map(Data::Bytes),
    };
    let data = data.ok_or_else(|| {
        format!("is declared {declared} but the graph produced {:?}", tensor.datum_type())
    })?;
    let shape = Shape::new(tensor.shape().to_vec()).map_err(|error| error.to_string())?;
    Tensor::new(shape, data).map_err(|error| error.to_string())
}

fn values<T: Datum>(tensor: &TractTensor) -> Option<Vec<T>> {
    Some(tensor.as_plain_ram()?.as_slice::<T>().ok()?.to_vec())
}

fn texts(tensor: &TractTensor) -> Option<Vec<CompactString>> {
    let texts = tensor.as_plain_ram()?.as_slice::<String>().ok()?;
    Some(texts.iter().map(CompactString::from).collect())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::binary;

    proptest! {
        #[test]
        fn what_came_in_pieces_is_the_same_tensor_however_it_was_cut(
            start: u8,
            mut cuts in proptest::collection::vec(0usize..120_000, 0..5),
        ) {
            let bytes: Vec<u8> = (start..=u8::MAX).cycle().take(120_000).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let cut = |cut: &[usize]| Bytes::copy_from_slice(&bytes[cut[0]..cut[1]]);
            let shape = || Shape::new(vec![2, 7500]).unwrap();
            let came =
                binary::read(shape(), DataType::Int64, cuts.windows(2).map(cut).collect()).unwrap();
            prop_assert!(came.wire().is_some());
            let typed = binary::decode(&shape(), DataType::Int64, &bytes).unwrap();
            let typed = Tensor::new(shape(), typed).unwrap();
            prop_assert_eq!(into_tract(&came).unwrap(), into_tract(&typed).unwrap());
        }
    }
}
