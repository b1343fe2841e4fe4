//! How much a message will take in memory, from its bytes: many small parts take far more than
//! their bytes do, so they are counted before anything is kept.

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

use super::error::Error;

/// Inputs, outputs or parameters of one request: no model has so many.
const MAX_PARTS: usize = 10_000;

/// Fields of all numbers in one message.
const MAX_FIELDS: usize = 4 * MAX_PARTS;

/// Dimensions of a shape take at most ten bytes each; no model has so many.
const MAX_SHAPE_BYTES: usize = 32 * 10;

/// An empty text takes two bytes of a message, and this many in memory.
const TEXT_BYTES: usize = 64;

/// What is decoded takes at most this many times the largest message.
const FACTOR: usize = 4;

/// One field of a message.
struct Field<'a> {
    number: u32,
    /// Of a field with a length.
    content: Option<&'a [u8]>,
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::Malformed(format!("malformed message: {what}"))
}

/// The next field, and what follows it.
fn next<'a>(message: &mut &'a [u8]) -> Result<Field<'a>, Error> {
    let (number, kind) = decode_key(message).map_err(malformed)?;
    let length = match kind {
        WireType::Varint => {
            decode_varint(message).map_err(malformed)?;
            return Ok(Field { number, content: None });
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => decode_varint(message).map_err(malformed)?,
        // This protocol has none, and what is skipped within one is not counted.
        WireType::StartGroup | WireType::EndGroup => return Err(malformed("it has groups")),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
    let length = length.ok_or_else(|| malformed("a field ends behind it"))?;
    let (content, rest) = message.split_at(length);
    *message = rest;
    Ok(Field { number, content: (kind == WireType::LengthDelimited).then_some(content) })
}

fn all<'a>(
    mut message: &'a [u8],
    mut each: impl FnMut(Field<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    while message.has_remaining() {
        each(next(&mut message)?)?;
    }
    Ok(())
}

fn at_most(count: usize, limit: usize, what: &str) -> Result<(), Error> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::Malformed(format!("the request has more than {limit} {what}")))
}

/// Counts the fields of a message.
///
/// # Errors
/// There are too many, or it is no message.
pub(super) fn check(message: &[u8]) -> Result<(), Error> {
    let mut fields = 0;
    all(message, |_| {
        fields += 1;
        at_most(fields, MAX_FIELDS, "fields")
    })
}

/// Numbers of fields in `ModelInferRequest` and below it.
mod number {
    pub(super) const PARAMETERS: u32 = 4;
    pub(super) const INPUTS: u32 = 5;
    pub(super) const OUTPUTS: u32 = 6;
    pub(super) const RAW: u32 = 7;
    pub(super) const INPUT_SHAPE: u32 = 3;
    pub(super) const INPUT_PARAMETERS: u32 = 4;
    pub(super) const INPUT_CONTENTS: u32 = 5;
    pub(super) const OUTPUT_PARAMETERS: u32 = 2;
    pub(super) const CONTENTS_BYTES: u32 = 8;
}

/// Bytes of a `ModelInferRequest` that are more than a raw tensor, which is not looked into.
///
/// # Errors
/// It has too many parts, or it is no message.
pub(super) fn weight(request: &[u8]) -> Result<usize, Error> {
    let (mut fields, mut inputs, mut outputs, mut raw) = (0, 0, 0, 0);
    all(request, |field| {
        fields += 1;
        at_most(fields, MAX_FIELDS, "fields")?;
        match field.number {
            number::INPUTS => {
                inputs += 1;
                at_most(inputs, MAX_PARTS, "inputs")
            }
            number::OUTPUTS => {
                outputs += 1;
                at_most(outputs, MAX_PARTS, "outputs")
            }
            number::RAW => {
                raw += field.content.map_or(0, <[u8]>::len);
                Ok(())
            }
            _ => Ok(()),
        }
    })?;
    Ok(request.len() - raw)
}

/// Looks into the parts of a `ModelInferRequest`.
///
/// # Errors
/// One would take more memory than a request may: `limit` is that of messages.
pub(super) fn check_parts(request: &[u8], limit: usize) -> Result<(), Error> {
    let (mut parameters, mut texts) = (0, 0);
    let most = limit.saturating_mul(FACTOR) / TEXT_BYTES;
    all(request, |part| match (part.number, part.content) {
        (number::PARAMETERS, Some(_)) => {
            parameters += 1;
            at_most(parameters, MAX_PARTS, "parameters")
        }
        (number::OUTPUTS, Some(output)) => all(output, |field| {
            parameters += usize::from(field.number == number::OUTPUT_PARAMETERS);
            at_most(parameters, MAX_PARTS, "parameters")
        }),
        (number::INPUTS, Some(input)) => {
            let mut shape = 0;
            all(input, |field| match (field.number, field.content) {
                (number::INPUT_SHAPE, dims) => {
                    // One that is not packed with others takes a byte for its key as well.
                    shape += dims.map_or(10, <[u8]>::len);
                    at_most(shape, MAX_SHAPE_BYTES, "bytes in the shape of an input")
                }
                (number::INPUT_PARAMETERS, Some(_)) => {
                    parameters += 1;
                    at_most(parameters, MAX_PARTS, "parameters")
                }
                (number::INPUT_CONTENTS, Some(contents)) => all(contents, |field| {
                    texts += usize::from(field.number == number::CONTENTS_BYTES);
                    at_most(texts, most, "texts")
                }),
                _ => Ok(()),
            })
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::grpc::generated::model_infer_request::InferInputTensor;
    use crate::grpc::generated::{InferTensorContents, ModelInferRequest};

    fn weighed(request: &ModelInferRequest) -> Result<usize, String> {
        weight(&request.encode_to_vec()).map_err(|error| error.to_string())
    }

    fn parts(request: &ModelInferRequest, limit: usize) -> Result<(), String> {
        check_parts(&request.encode_to_vec(), limit).map_err(|error| error.to_string())
    }

    fn inputs(count: usize) -> ModelInferRequest {
        let inputs = vec![InferInputTensor::default(); count];
        ModelInferRequest { model_name: "m".to_owned(), inputs, ..Default::default() }
    }

    #[test]
    fn raw_contents_weigh_nothing_and_other_bytes_do() {
        let mut request = inputs(3);
        let light = weighed(&request).unwrap();
        request.raw_input_contents = vec![Bytes::from(vec![1; 1 << 20]); 3];
        assert!(weighed(&request).unwrap() < light + 20);
        request.id = "x".repeat(1000);
        assert!(weighed(&request).unwrap() > light + 1000);
    }

    #[test]
    fn more_parts_than_any_model_has_are_refused_and_named() {
        assert!(weighed(&inputs(MAX_PARTS)).is_ok());
        let refused = Err("the request has more than 10000 inputs".to_owned());
        assert_eq!(weighed(&inputs(MAX_PARTS + 1)), refused);
    }

    #[test]
    fn groups_hide_nothing() {
        // A group of number 100 without anything in it, and inputs behind it.
        let hidden = [vec![0xa3, 0x06, 0xa4, 0x06], [0x2a, 0].repeat(20_000)].concat();
        assert_eq!(weight(&hidden).unwrap_err().to_string(), "malformed message: it has groups");
        assert_eq!(check(&hidden).unwrap_err().to_string(), "malformed message: it has groups");
    }

    #[test]
    fn texts_and_dimensions_that_would_fill_the_memory_are_refused() {
        let mut request = inputs(1);
        let texts = vec![Bytes::new(); 1000];
        request.inputs[0].contents =
            Some(InferTensorContents { bytes_contents: texts, ..Default::default() });
        assert_eq!(parts(&request, 64 * 1000), Ok(()));
        let refused = Err("the request has more than 937 texts".to_owned());
        assert_eq!(parts(&request, 15_000), refused);
        request.inputs[0].shape = vec![1; 400];
        let message = parts(&request, 64 * 1000).unwrap_err();
        assert_eq!(message, "the request has more than 320 bytes in the shape of an input");
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (check(&bytes), weight(&bytes), check_parts(&bytes, 100));
        }

        #[test]
        fn what_is_encoded_is_no_malformed_message(
            name in ".{0,20}", shape in proptest::collection::vec(any::<i64>(), 0..8),
            numbers in proptest::collection::vec(any::<i64>(), 0..50),
        ) {
            let mut request = inputs(2);
            request.model_name = name;
            request.inputs[1].shape = shape;
            let contents = InferTensorContents { int64_contents: numbers, ..Default::default() };
            request.inputs[0].contents = Some(contents);
            prop_assert!(weighed(&request).is_ok());
            prop_assert_eq!(parts(&request, 1 << 20), Ok(()));
        }
    }
}
