//! A request for a prediction into typed tensors: contents in the fields of their types, or raw.

mod parameters;
mod typed;

use std::time::Duration;

use bytes::Bytes;

use super::generated::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use super::generated::{InferTensorContents, ModelInferRequest};
use crate::away;
use crate::predict::{Malformed, NamedTensor, Priority};
use crate::tensor::{DataType, Shape, Tensor, binary};

/// How a request wants to be run.
pub(super) struct Wishes {
    pub(super) timeout: Option<Duration>,
    pub(super) priority: Priority,
}

/// What the parameters say.
pub(super) fn wishes(request: &ModelInferRequest) -> Result<Wishes, Malformed> {
    let unsigned = |name| parameters::unsigned(&request.parameters, name);
    // Zero means "no timeout of my own", as in Triton.
    let timeout = unsigned("timeout")?.filter(|micros| *micros > 0).map(Duration::from_micros);
    Ok(Wishes { timeout, priority: Priority::of(unsigned("priority")?.unwrap_or_default()) })
}

/// The name of a wanted output, and how many of its best classes are wanted instead of it.
pub(super) fn wanted(
    output: &InferRequestedOutputTensor,
) -> Result<(&str, Option<usize>), Malformed> {
    let classes = parameters::unsigned(&output.parameters, "classification")?;
    let classes = classes.map(|classes| usize::try_from(classes).unwrap_or(usize::MAX));
    Ok((&output.name, classes.filter(|classes| *classes > 0)))
}

/// About as many bytes as decoding has to look at: numbers are only moved or copied, which
/// takes a fraction of what texts take.
pub(super) fn work(request: &ModelInferRequest) -> usize {
    let is_text = |input: &InferInputTensor| input.datatype == DataType::Bytes.as_str();
    let weight = |input, bytes: usize| if is_text(input) { bytes } else { bytes / away::COPYING };
    let raw = request.inputs.iter().zip(&request.raw_input_contents);
    let raw = raw.map(|(input, bytes)| weight(input, bytes.len()));
    let typed = request.inputs.iter().filter_map(|input| Some((input, input.contents.as_ref()?)));
    let typed = typed.map(|(input, contents)| weight(input, typed::bytes(contents)));
    raw.chain(typed).sum()
}

/// The inputs of a request.
pub(super) fn inputs(
    inputs: Vec<InferInputTensor>,
    raw: Vec<Bytes>,
) -> Result<Vec<NamedTensor>, Malformed> {
    if raw.is_empty() {
        return inputs.into_iter().map(|input| named(input, None)).collect();
    }
    if raw.len() != inputs.len() {
        let (raw, inputs) = (raw.len(), inputs.len());
        let message = format!("raw_input_contents has {raw} entries for {inputs} inputs");
        return Err(Malformed(message));
    }
    inputs.into_iter().zip(raw).map(|(input, raw)| named(input, Some(raw))).collect()
}

fn named(input: InferInputTensor, raw: Option<Bytes>) -> Result<NamedTensor, Malformed> {
    if input.name.is_empty() {
        return Err(Malformed("an input has no 'name'".to_owned()));
    }
    let InferInputTensor { name, datatype, shape, contents, .. } = input;
    match tensor(&datatype, &shape, contents, raw) {
        Ok(tensor) => Ok(NamedTensor { name, tensor }),
        Err(message) => Err(Malformed(format!("input '{name}': {message}"))),
    }
}

fn tensor(
    datatype: &str,
    shape: &[i64],
    contents: Option<InferTensorContents>,
    raw: Option<Bytes>,
) -> Result<Tensor, String> {
    if datatype.is_empty() {
        return Err("it has no 'datatype'".to_owned());
    }
    let data_type: DataType = datatype.parse().map_err(|error| format!("{error}"))?;
    let shape = Shape::from_signed(shape).map_err(|error| error.to_string())?;
    // Some clients send contents without anything in them.
    let contents = contents.filter(|contents| !typed::is_empty(contents));
    match (contents, raw) {
        (None, Some(raw)) => {
            binary::read(shape, data_type, vec![raw]).map_err(|error| error.to_string())
        }
        (Some(_), Some(_)) => Err("it has 'contents' beside raw_input_contents".to_owned()),
        (None, None) if shape.elements() > 0 => {
            Err("it has neither 'contents' nor raw_input_contents".to_owned())
        }
        (contents, None) => {
            let contents = contents.unwrap_or_default();
            // Before anything is made of them.
            let (came, holds) = (typed::elements(&contents), shape.elements());
            if came != holds {
                return Err(format!("contents: shape {shape} holds {holds} elements, came {came}"));
            }
            let data = typed::data(data_type, contents)?;
            Tensor::new(shape, data).map_err(|error| format!("contents: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Data;

    fn input(datatype: &str, shape: &[i64], contents: InferTensorContents) -> InferInputTensor {
        InferInputTensor {
            name: "x".to_owned(),
            datatype: datatype.to_owned(),
            shape: shape.to_vec(),
            contents: Some(contents),
            ..InferInputTensor::default()
        }
    }

    fn message(input: InferInputTensor, raw: Vec<Bytes>) -> String {
        inputs(vec![input], raw).unwrap_err().0
    }

    fn floats(values: &[f32]) -> InferTensorContents {
        InferTensorContents { fp32_contents: values.to_vec(), ..InferTensorContents::default() }
    }

    #[test]
    fn contents_and_raw_contents_do_not_mix() {
        let raw = vec![Bytes::from_static(&[0; 4])];
        let mixed = message(input("FP32", &[1], floats(&[1.0])), raw.clone());
        assert_eq!(mixed, "input 'x': it has 'contents' beside raw_input_contents");
        let empty = input("FP32", &[1], InferTensorContents::default());
        let read = inputs(vec![empty.clone()], raw.clone()).unwrap();
        assert_eq!(read[0].tensor.data(), &Data::Fp32(vec![0.0]));
        let neither = "input 'x': it has neither 'contents' nor raw_input_contents";
        assert_eq!(message(empty.clone(), Vec::new()), neither);
        let two = message(empty, [raw.clone(), raw].concat());
        assert_eq!(two, "raw_input_contents has 2 entries for 1 inputs");
    }

    #[test]
    fn contents_that_do_not_fit_are_refused_by_what_is_wrong() {
        let one = || floats(&[1.0]);
        for (datatype, shape, expected) in [
            ("FP32", &[2][..], "contents: shape [2] holds 2 elements, came 1"),
            ("FP64", &[1], "FP64 belongs in fp64_contents, came fp32_contents"),
            ("FP16", &[1], "FP16 travels in raw_input_contents only"),
            ("FP32", &[-1], "dimension 0 of shape [-1] is negative"),
            ("", &[1], "it has no 'datatype'"),
        ] {
            let expected = format!("input 'x': {expected}");
            assert_eq!(message(input(datatype, shape, one()), Vec::new()), expected);
        }
        let large = InferTensorContents { uint_contents: vec![7, 256], ..Default::default() };
        let expected = "input 'x': element 1 is 256, which is no UINT8";
        assert_eq!(message(input("UINT8", &[2], large), Vec::new()), expected);
    }

    #[test]
    fn an_empty_tensor_needs_no_contents() {
        let none = InferTensorContents::default();
        let read = inputs(vec![input("INT8", &[0, 3], none)], Vec::new()).unwrap();
        assert_eq!(read[0].tensor.data(), &Data::Int8(Vec::new()));
    }
}
