//! Elements in the fields of their types. Those of the types that have a field of their own are
//! moved, not copied.

use std::fmt::Display;

use crate::grpc::generated::InferTensorContents;
use crate::tensor::{CompactString, Data, DataType, Element};

/// The name of a field, how many elements it has, and how many bytes they take.
type Field = (&'static str, usize, usize);

fn fields(contents: &InferTensorContents) -> [Field; 8] {
    let texts = &contents.bytes_contents;
    let text_bytes: usize = texts.iter().map(|text| text.len() + size_of::<u32>()).sum();
    [
        ("bool_contents", contents.bool_contents.len(), contents.bool_contents.len()),
        ("int_contents", contents.int_contents.len(), 4 * contents.int_contents.len()),
        ("int64_contents", contents.int64_contents.len(), 8 * contents.int64_contents.len()),
        ("uint_contents", contents.uint_contents.len(), 4 * contents.uint_contents.len()),
        ("uint64_contents", contents.uint64_contents.len(), 8 * contents.uint64_contents.len()),
        ("fp32_contents", contents.fp32_contents.len(), 4 * contents.fp32_contents.len()),
        ("fp64_contents", contents.fp64_contents.len(), 8 * contents.fp64_contents.len()),
        ("bytes_contents", texts.len(), text_bytes),
    ]
}

/// Elements of all fields.
pub(super) fn elements(contents: &InferTensorContents) -> usize {
    fields(contents).iter().map(|(_, elements, _)| elements).sum()
}

pub(super) fn is_empty(contents: &InferTensorContents) -> bool {
    elements(contents) == 0
}

/// Bytes of all elements.
pub(super) fn bytes(contents: &InferTensorContents) -> usize {
    fields(contents).iter().map(|(.., bytes)| bytes).sum()
}

/// The elements of this type; there must be no others.
pub(super) fn data(data_type: DataType, contents: InferTensorContents) -> Result<Data, String> {
    let own = match data_type {
        DataType::Bool => "bool_contents",
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "int_contents",
        DataType::Int64 => "int64_contents",
        DataType::Uint8 | DataType::Uint16 | DataType::Uint32 => "uint_contents",
        DataType::Uint64 => "uint64_contents",
        DataType::Fp32 => "fp32_contents",
        DataType::Fp64 => "fp64_contents",
        DataType::Bytes => "bytes_contents",
        DataType::Fp16 => return Err("FP16 travels in raw_input_contents only".to_owned()),
    };
    let other = |(name, elements, _): &Field| *elements > 0 && *name != own;
    if let Some((name, ..)) = fields(&contents).into_iter().find(other) {
        return Err(format!("{data_type} belongs in {own}, came {name}"));
    }
    Ok(match data_type {
        DataType::Bool => contents.bool_contents.into(),
        DataType::Int8 => narrow::<i8, _>(&contents.int_contents)?,
        DataType::Int16 => narrow::<i16, _>(&contents.int_contents)?,
        DataType::Int32 => contents.int_contents.into(),
        DataType::Int64 => contents.int64_contents.into(),
        DataType::Uint8 => narrow::<u8, _>(&contents.uint_contents)?,
        DataType::Uint16 => narrow::<u16, _>(&contents.uint_contents)?,
        DataType::Uint32 => contents.uint_contents.into(),
        DataType::Uint64 => contents.uint64_contents.into(),
        DataType::Fp32 => contents.fp32_contents.into(),
        DataType::Fp64 => contents.fp64_contents.into(),
        DataType::Bytes => texts(&contents)?.into(),
        DataType::Fp16 => Data::empty(data_type),
    })
}

fn narrow<N, W>(values: &[W]) -> Result<Data, String>
where
    N: Element + TryFrom<W>,
    W: Copy + Display,
{
    let narrow = |(at, value): (usize, &W)| {
        let wrong = |_| format!("element {at} is {value}, which is no {}", N::DATA_TYPE);
        N::try_from(*value).map_err(wrong)
    };
    Ok(values.iter().enumerate().map(narrow).collect::<Result<Vec<N>, _>>()?.into())
}

fn texts(contents: &InferTensorContents) -> Result<Vec<CompactString>, String> {
    let text = |(at, bytes): (usize, &bytes::Bytes)| {
        let text = std::str::from_utf8(bytes);
        let wrong = |_| format!("element {at} of BYTES is not UTF-8, which ONNX strings are");
        text.map(CompactString::from).map_err(wrong)
    };
    contents.bytes_contents.iter().enumerate().map(text).collect()
}
