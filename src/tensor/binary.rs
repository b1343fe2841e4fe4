//! Tensor data as the binary tensor data extension carries it: little-endian, row-major,
//! `BOOL` one byte, `BYTES` a little-endian `u32` length before each element.
//!
//! Source: Triton's "Binary Tensor Data Extension" of the Open Inference Protocol.

use std::borrow::Cow;

use bytes::Bytes;

use super::{CompactString, Data, DataType, Shape, Stored, Tensor, Wire};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    #[error("shape {shape} of {data_type} takes {expected} bytes, came {found}")]
    Length { shape: Shape, data_type: DataType, expected: usize, found: usize },
    #[error("element {element} of BYTES ends past the data's {found} bytes")]
    Truncated { element: usize, found: usize },
    #[error("{left} bytes are left over after the {elements} elements of shape {shape}")]
    LeftOver { shape: Shape, elements: usize, left: usize },
    #[error("element {element} of BYTES is not UTF-8, which ONNX strings are")]
    NotUtf8 { element: usize },
    #[error("element {element} of BOOL is {value}, expected 0 or 1")]
    NotBool { element: usize, value: u8 },
}

#[cfg(target_endian = "big")]
compile_error!("the binary codec casts little-endian data; this target is big-endian");

/// Numbers of at least so many bytes stay in the pieces that they came in. Fewer are copied at
/// once: that costs little, and what waits would hold on to buffers much larger than itself.
pub const KEPT: usize = 64 * 1024;

/// A tensor of bytes that may come in several pieces. Many numbers stay as they came until
/// somebody looks at them; the first copy may be that into an engine's memory.
///
/// # Errors
/// As [`decode`].
pub fn read(shape: Shape, data_type: DataType, pieces: Vec<Bytes>) -> Result<Tensor, BinaryError> {
    let found: usize = pieces.iter().map(Bytes::len).sum();
    check_length(&shape, data_type, found)?;
    let stored = match Wire::new(data_type, pieces) {
        Ok(wire) if found >= KEPT => Stored::Wire(Box::new(wire)),
        Ok(wire) => Stored::Typed(wire.into_typed()),
        Err(pieces) => Stored::Typed(decode_pieces(&shape, data_type, &pieces)?),
    };
    Ok(Tensor { shape, stored })
}

/// Reads the elements of one tensor.
///
/// # Errors
/// [`BinaryError`] if the bytes are not exactly `shape.elements()` elements.
pub fn decode(shape: &Shape, data_type: DataType, bytes: &[u8]) -> Result<Data, BinaryError> {
    decode_pieces(shape, data_type, &[bytes])
}

/// The same from bytes in several pieces, each of which is copied once.
///
/// # Errors
/// As [`decode`].
pub fn decode_pieces(
    shape: &Shape,
    data_type: DataType,
    pieces: &[impl AsRef<[u8]>],
) -> Result<Data, BinaryError> {
    let found = pieces.iter().map(|piece| piece.as_ref().len()).sum();
    check_length(shape, data_type, found)?;
    match data_type {
        DataType::Bool => Ok(Data::Bool(decode_bools(&whole(pieces))?)),
        DataType::Bytes => Ok(Data::Bytes(decode_strings(shape, &whole(pieces))?)),
        number => Ok(numbers(number, pieces)),
    }
}

fn check_length(shape: &Shape, data_type: DataType, found: usize) -> Result<(), BinaryError> {
    let Some(size) = data_type.size() else { return Ok(()) };
    let expected = shape.elements().saturating_mul(size);
    if found == expected {
        return Ok(());
    }
    Err(BinaryError::Length { shape: shape.clone(), data_type, expected, found })
}

/// The pieces in a row; copied if there are several.
#[must_use]
pub fn whole(pieces: &[impl AsRef<[u8]>]) -> Cow<'_, [u8]> {
    match pieces {
        [piece] => Cow::Borrowed(piece.as_ref()),
        pieces => {
            let pieces: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
            Cow::Owned(pieces.concat())
        }
    }
}

/// What the bytes say if every pattern of them is a number; no elements of the other types.
pub(super) fn numbers(data_type: DataType, pieces: &[impl AsRef<[u8]>]) -> Data {
    match data_type {
        DataType::Uint8 => Data::Uint8(gather(pieces)),
        DataType::Uint16 => Data::Uint16(gather(pieces)),
        DataType::Uint32 => Data::Uint32(gather(pieces)),
        DataType::Uint64 => Data::Uint64(gather(pieces)),
        DataType::Int8 => Data::Int8(gather(pieces)),
        DataType::Int16 => Data::Int16(gather(pieces)),
        DataType::Int32 => Data::Int32(gather(pieces)),
        DataType::Int64 => Data::Int64(gather(pieces)),
        DataType::Fp16 => Data::Fp16(gather(pieces)),
        DataType::Fp32 => Data::Fp32(gather(pieces)),
        DataType::Fp64 => Data::Fp64(gather(pieces)),
        DataType::Bool | DataType::Bytes => Data::empty(data_type),
    }
}

/// Numbers out of pieces that may end anywhere.
fn gather<T: bytemuck::AnyBitPattern>(pieces: &[impl AsRef<[u8]>]) -> Vec<T> {
    let size = size_of::<T>();
    let bytes: usize = pieces.iter().map(|piece| piece.as_ref().len()).sum();
    let mut values: Vec<T> = Vec::with_capacity(bytes / size);
    let mut torn: Vec<u8> = Vec::new();
    for piece in pieces {
        let piece = piece.as_ref();
        // What is missing of the number that the pieces before began.
        let missing = (size - torn.len()) % size;
        let (end, whole) = piece.split_at(missing.min(piece.len()));
        torn.extend_from_slice(end);
        if torn.len() == size {
            values.push(bytemuck::pod_read_unaligned(&torn));
            torn.clear();
        }
        let numbers = whole.chunks_exact(size);
        torn.extend_from_slice(numbers.remainder());
        values.extend(numbers.map(bytemuck::pod_read_unaligned::<T>));
    }
    values
}

fn decode_bools(bytes: &[u8]) -> Result<Vec<bool>, BinaryError> {
    bytes
        .iter()
        .enumerate()
        .map(|(element, &value)| match value {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(BinaryError::NotBool { element, value }),
        })
        .collect()
}

fn decode_strings(shape: &Shape, bytes: &[u8]) -> Result<Vec<CompactString>, BinaryError> {
    let elements = shape.elements();
    // The shape is the caller's word; the bytes bound what can really be there.
    let mut strings = Vec::with_capacity(elements.min(bytes.len() / 4));
    let mut rest = bytes;
    for element in 0..elements {
        let truncated = BinaryError::Truncated { element, found: bytes.len() };
        let Some((length, after)) = rest.split_first_chunk::<4>() else {
            return Err(truncated);
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((string, after)) = after.split_at_checked(length) else {
            return Err(truncated);
        };
        let string = std::str::from_utf8(string).map_err(|_| BinaryError::NotUtf8 { element })?;
        strings.push(string.into());
        rest = after;
    }
    if rest.is_empty() {
        Ok(strings)
    } else {
        Err(BinaryError::LeftOver { shape: shape.clone(), elements, left: rest.len() })
    }
}

/// Bytes that [`encode`] will append.
#[must_use]
pub fn encoded_len(data: &Data) -> usize {
    match (data, data.data_type().size()) {
        (_, Some(size)) => data.len() * size,
        (Data::Bytes(strings), _) => strings.iter().map(|string| 4 + string.len()).sum(),
        (_, None) => 0,
    }
}

/// Appends the elements to `out`.
pub fn encode(data: &Data, out: &mut Vec<u8>) {
    match data {
        Data::Bool(values) => out.extend(values.iter().map(|&value| u8::from(value))),
        Data::Uint8(values) => out.extend_from_slice(values),
        Data::Uint16(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Uint32(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Uint64(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Int8(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Int16(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Int32(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Int64(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Fp16(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Fp32(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Fp64(values) => out.extend_from_slice(bytemuck::cast_slice(values)),
        Data::Bytes(strings) => {
            for string in strings {
                // Strings came in through u32 lengths or from a model far smaller than that.
                let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(string.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;

    fn any_data() -> impl Strategy<Value = Data> {
        fn list<S: Strategy>(element: S) -> impl Strategy<Value = Vec<S::Value>> {
            proptest::collection::vec(element, 0..20)
        }
        prop_oneof![
            list(any::<bool>()).prop_map(Data::Bool),
            list(any::<u8>()).prop_map(Data::Uint8),
            list(any::<u16>()).prop_map(Data::Uint16),
            list(any::<u32>()).prop_map(Data::Uint32),
            list(any::<u64>()).prop_map(Data::Uint64),
            list(any::<i8>()).prop_map(Data::Int8),
            list(any::<i16>()).prop_map(Data::Int16),
            list(any::<i32>()).prop_map(Data::Int32),
            list(any::<i64>()).prop_map(Data::Int64),
            list(any::<f32>()).prop_map(|v| Data::Fp16(v.into_iter().map(f16::from_f32).collect())),
            list(any::<f32>()).prop_map(Data::Fp32),
            list(any::<f64>()).prop_map(Data::Fp64),
            list(any::<String>().prop_map(Into::into)).prop_map(Data::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_returns_the_same_elements_of_every_type(data in any_data()) {
            let shape = Shape::new(vec![data.len()]).unwrap();
            let mut bytes = Vec::new();
            encode(&data, &mut bytes);
            prop_assert_eq!(bytes.len(), encoded_len(&data));
            let again = decode(&shape, data.data_type(), &bytes).unwrap();
            // Compared as bytes: NaN is not equal to itself.
            let mut second = Vec::new();
            encode(&again, &mut second);
            prop_assert_eq!(bytes, second);
        }

        #[test]
        fn bytes_in_pieces_decode_as_in_a_row(
            data in any_data(),
            cuts in proptest::collection::vec(0usize..160, 0..6),
            missing in prop_oneof![4 => Just(0usize), 1 => 1usize..4],
        ) {
            let shape = Shape::new(vec![data.len()]).unwrap();
            let mut bytes = Vec::new();
            encode(&data, &mut bytes);
            bytes.truncate(bytes.len().saturating_sub(missing));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.min(&bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let whole = decode(&shape, data.data_type(), &bytes);
            let gathered = decode_pieces(&shape, data.data_type(), &pieces);
            match (whole, gathered) {
                (Ok(whole), Ok(gathered)) => {
                    let (mut first, mut second) = (Vec::new(), Vec::new());
                    encode(&whole, &mut first);
                    encode(&gathered, &mut second);
                    prop_assert_eq!(first, second);
                }
                (whole, gathered) => prop_assert_eq!(whole.err(), gathered.err()),
            }
        }

        #[test]
        fn no_bytes_make_decoding_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            elements in 0usize..20,
            index in 0usize..13,
        ) {
            let shape = Shape::new(vec![elements]).unwrap();
            let _ = decode(&shape, DataType::ALL[index], &bytes);
        }
    }

    #[test]
    fn many_numbers_stay_as_they_came_and_few_and_texts_do_not() {
        let read = |elements, data_type, bytes: Vec<u8>| {
            let shape = Shape::new(vec![elements]).unwrap();
            read(shape, data_type, vec![Bytes::from(bytes)]).unwrap()
        };
        assert!(read(4, DataType::Fp32, vec![0; 16]).wire().is_none());
        assert!(read(KEPT, DataType::Bool, vec![1; KEPT]).wire().is_none());
        assert!(read(KEPT, DataType::Bytes, vec![0; 4 * KEPT]).wire().is_none());
        let many = read(KEPT / 2, DataType::Uint16, [1, 2].repeat(KEPT / 2));
        assert_eq!(many.wire().unwrap().pieces().len(), 1);
        assert_eq!(many.data(), &Data::Uint16(vec![0x0201; KEPT / 2]));
    }

    #[test]
    fn a_length_that_does_not_match_says_what_was_expected_and_what_came() {
        let shape = Shape::new(vec![2, 3]).unwrap();
        let error = decode(&shape, DataType::Fp32, &[0; 23]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 3] of FP32 takes 24 bytes, came 23");
    }

    #[test]
    fn a_string_length_past_the_end_is_an_error_and_not_an_allocation() {
        let shape = Shape::new(vec![1]).unwrap();
        let error = decode(&shape, DataType::Bytes, &u32::MAX.to_le_bytes()).unwrap_err();
        assert_eq!(error, BinaryError::Truncated { element: 0, found: 4 });
    }
}
