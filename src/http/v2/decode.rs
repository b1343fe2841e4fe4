//! The body of an infer request into typed tensors: JSON, JSON followed by binary data,
//! or one raw tensor.

use std::ops::Range;
use std::time::Duration;

use crate::engine::{Signature, TensorSpec};
use crate::predict::NamedTensor;
use crate::tensor::json::{FromJson, JsonError, Kind, Nesting, Reader, read_nested};
use crate::tensor::{Data, DataType, Element, Shape, Tensor, binary};

/// A decoded request.
#[derive(Debug, Default)]
pub(super) struct InferRequest {
    pub(super) id: Option<String>,
    pub(super) inputs: Vec<NamedTensor>,
    /// The outputs to return; all if empty.
    pub(super) outputs: Vec<RequestedOutput>,
    /// Outputs are binary unless one says otherwise.
    pub(super) binary_outputs: bool,
    /// NaN and infinities become `null`.
    pub(super) strict_json: bool,
    pub(super) timeout: Option<Duration>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RequestedOutput {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// The best so many classes instead of the tensor.
    pub(super) classes: Option<usize>,
}

/// What is wrong with a request; the message is for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct DecodeError(pub(super) String);

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        Self(format!("malformed JSON: {error}"))
    }
}

/// An input as far as the JSON tells; `data` may come before the type is known.
#[derive(Default)]
struct Input {
    name: Option<String>,
    shape: Option<Shape>,
    data_type: Option<DataType>,
    data: JsonData,
    binary_bytes: Option<usize>,
}

#[derive(Default)]
enum JsonData {
    #[default]
    Absent,
    /// Where it stands, to be read once the type is known.
    Span(Range<usize>),
    Read(Data, Nesting),
}

/// Decodes JSON and the binary data behind it. `json_bytes` is where the JSON ends, if the
/// request says so.
pub(super) fn decode(body: &[u8], json_bytes: Option<usize>) -> Result<InferRequest, DecodeError> {
    let (json, blob) = body.split_at_checked(json_bytes.unwrap_or(body.len())).ok_or_else(|| {
        let end = json_bytes.unwrap_or_default();
        DecodeError(format!(
            "Inference-Header-Content-Length is {end}, but the body has {} bytes",
            body.len()
        ))
    })?;
    let mut request = InferRequest::default();
    let mut inputs = None;
    let mut reader = Reader::new(json);
    reader.object::<DecodeError>(|reader, key| {
        match key.as_ref() {
            "id" => request.id = Some(reader.string()?.into_owned()),
            "parameters" => request.read_parameters(reader)?,
            "inputs" => inputs = Some(read_inputs(reader)?),
            "outputs" => request.outputs = read_outputs(reader)?,
            _ => drop(reader.skip()?),
        }
        Ok(())
    })?;
    reader.finish()?;
    let inputs = inputs.ok_or_else(|| DecodeError("the request has no 'inputs'".to_owned()))?;
    request.inputs = finish_inputs(inputs, &Reader::new(json), blob)?;
    Ok(request)
}

/// Decodes a body that is nothing but the data of the only input; outputs will be binary.
pub(super) fn decode_raw(body: &[u8], signature: &Signature) -> Result<InferRequest, DecodeError> {
    let [spec] = signature.inputs.as_slice() else {
        return Err(DecodeError(format!(
            "a raw request needs a model with one input, this one has {}",
            signature.inputs.len()
        )));
    };
    let named = |message: String| DecodeError(format!("input '{}': {message}", spec.name));
    let shape = raw_shape(spec, body).map_err(named)?;
    let data =
        binary::decode(&shape, spec.data_type, body).map_err(|error| named(error.to_string()))?;
    let tensor = Tensor::new(shape, data).map_err(|error| named(error.to_string()))?;
    let inputs = vec![NamedTensor { name: spec.name.clone(), tensor }];
    Ok(InferRequest { inputs, binary_outputs: true, ..InferRequest::default() })
}

/// The declared shape with its one variable dimension filled from the number of bytes.
fn raw_shape(spec: &TensorSpec, body: &[u8]) -> Result<Shape, String> {
    let declared = spec.wire_shape();
    let variable = declared.iter().filter(|dim| **dim < 0).count();
    if spec.dims.is_none() || variable > 1 {
        return Err(format!(
            "a raw request needs at most one variable dimension, the shape is {}",
            spec.shape_text()
        ));
    }
    let fixed = declared.iter().filter(|dim| **dim >= 0).product::<i64>();
    let fixed = usize::try_from(fixed).map_err(|_| "the shape is too large".to_owned())?;
    let elements = match spec.data_type.size() {
        Some(size) => body.len() / size,
        None => count_strings(body),
    };
    if variable == 1 && (fixed == 0 || elements % fixed != 0) {
        return Err(format!(
            "{} bytes do not fill whole rows of shape {} of {}",
            body.len(),
            spec.shape_text(),
            spec.data_type
        ));
    }
    let dims = declared
        .iter()
        .map(|&dim| usize::try_from(dim).unwrap_or_else(|_| elements / fixed.max(1)))
        .collect();
    Shape::new(dims).map_err(|error| error.to_string())
}

fn count_strings(mut body: &[u8]) -> usize {
    let mut strings = 0;
    while let Some((length, rest)) = body.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        body = rest.get(length..).unwrap_or_default();
        strings += 1;
    }
    strings
}

impl InferRequest {
    fn read_parameters(&mut self, reader: &mut Reader) -> Result<(), DecodeError> {
        if reader.null() {
            return Ok(());
        }
        reader.object(|reader, key| {
            match key.as_ref() {
                "binary_data_output" => self.binary_outputs = boolean(reader, "binary_data_output")?,
                "strict_json" => self.strict_json = boolean(reader, "strict_json")?,
                "timeout" => {
                    let micros = unsigned(reader, "timeout")?;
                    // Zero means "no timeout of my own", as in Triton.
                    self.timeout = (micros > 0).then(|| Duration::from_micros(micros));
                }
                _ => drop(reader.skip()?),
            }
            Ok(())
        })
    }
}

fn boolean(reader: &mut Reader, name: &str) -> Result<bool, DecodeError> {
    reader.boolean().map_err(|error| DecodeError(format!("parameter '{name}': {error}")))
}

/// A number, also where a client has written it as a string.
fn unsigned(reader: &mut Reader, name: &str) -> Result<u64, DecodeError> {
    let error = |error: JsonError| DecodeError(format!("parameter '{name}': {error}"));
    if reader.kind()? == Kind::String {
        let text = reader.string()?;
        return text.parse().map_err(|_| {
            DecodeError(format!("parameter '{name}': expected a whole number, came \"{text}\""))
        });
    }
    u64::read(reader).map_err(error)
}

fn read_inputs(reader: &mut Reader) -> Result<Vec<Input>, DecodeError> {
    let mut inputs = Vec::new();
    reader.array::<DecodeError>(|reader| {
        inputs.push(read_input(reader)?);
        Ok(())
    })?;
    Ok(inputs)
}

fn read_input(reader: &mut Reader) -> Result<Input, DecodeError> {
    let mut input = Input::default();
    reader.object::<DecodeError>(|reader, key| {
        match key.as_ref() {
            "name" => input.name = Some(reader.string()?.into_owned()),
            "shape" => input.shape = Some(read_shape(reader, &input)?),
            "datatype" => {
                let parsed = reader.string()?.parse::<DataType>();
                let parsed = parsed.map_err(|error| input.error(error.to_string()))?;
                input.data_type = Some(parsed);
            }
            "parameters" => input.binary_bytes = read_input_parameters(reader)?,
            "data" if reader.null() => {}
            "data" => input.data = input.read_data(reader)?,
            _ => drop(reader.skip()?),
        }
        Ok(())
    })?;
    Ok(input)
}

fn read_shape(reader: &mut Reader, input: &Input) -> Result<Shape, DecodeError> {
    let mut dims: Vec<i64> = Vec::new();
    reader
        .array::<JsonError>(|reader| {
            dims.push(i64::read(reader)?);
            Ok(())
        })
        .map_err(|error| input.error(format!("shape: {error}")))?;
    Shape::from_signed(&dims).map_err(|error| input.error(error.to_string()))
}

fn read_input_parameters(reader: &mut Reader) -> Result<Option<usize>, DecodeError> {
    let mut bytes = None;
    if reader.null() {
        return Ok(None);
    }
    reader.object::<DecodeError>(|reader, key| {
        if key == "binary_data_size" {
            let size = unsigned(reader, "binary_data_size")?;
            bytes = Some(usize::try_from(size).unwrap_or(usize::MAX));
        } else {
            reader.skip()?;
        }
        Ok(())
    })?;
    Ok(bytes)
}

impl Input {
    /// Names the input as far as the request has named it yet.
    fn error(&self, message: String) -> DecodeError {
        match &self.name {
            Some(name) => DecodeError(format!("input '{name}': {message}")),
            None => DecodeError(format!("an input without a name yet: {message}")),
        }
    }

    fn read_data(&self, reader: &mut Reader) -> Result<JsonData, DecodeError> {
        match (self.data_type, &self.shape) {
            (Some(data_type), Some(shape)) => {
                let (data, nesting) = self.read_typed(reader, data_type, shape)?;
                Ok(JsonData::Read(data, nesting))
            }
            _ => Ok(JsonData::Span(reader.skip()?)),
        }
    }

    fn read_typed(
        &self,
        reader: &mut Reader,
        data_type: DataType,
        shape: &Shape,
    ) -> Result<(Data, Nesting), DecodeError> {
        let result = match data_type {
            DataType::Bool => read::<bool>(reader, shape),
            DataType::Uint8 => read::<u8>(reader, shape),
            DataType::Uint16 => read::<u16>(reader, shape),
            DataType::Uint32 => read::<u32>(reader, shape),
            DataType::Uint64 => read::<u64>(reader, shape),
            DataType::Int8 => read::<i8>(reader, shape),
            DataType::Int16 => read::<i16>(reader, shape),
            DataType::Int32 => read::<i32>(reader, shape),
            DataType::Int64 => read::<i64>(reader, shape),
            DataType::Fp32 => read::<f32>(reader, shape),
            DataType::Fp64 => read::<f64>(reader, shape),
            DataType::Bytes => read::<String>(reader, shape),
            DataType::Fp16 => {
                let message = "FP16 travels as binary data only, not as JSON".to_owned();
                return Err(self.error(message));
            }
        };
        result.map_err(|error| self.error(format!("data: {error}")))
    }

    fn finish<'b>(
        mut self,
        text: &Reader,
        blob: &mut Blob<'b>,
    ) -> Result<NamedTensor, DecodeError> {
        if self.name.is_none() {
            return Err(DecodeError("an input has no 'name'".to_owned()));
        }
        let shape = self.shape.take().ok_or_else(|| self.error("it has no 'shape'".to_owned()))?;
        let data_type =
            self.data_type.ok_or_else(|| self.error("it has no 'datatype'".to_owned()))?;
        let data = match (std::mem::take(&mut self.data), self.binary_bytes) {
            (JsonData::Absent, Some(bytes)) => {
                let bytes = blob.take(bytes).map_err(|message| self.error(message))?;
                binary::decode(&shape, data_type, bytes)
                    .map_err(|error| self.error(error.to_string()))?
            }
            (JsonData::Absent, None) => {
                let message = "it has neither 'data' nor 'binary_data_size'".to_owned();
                return Err(self.error(message));
            }
            (_, Some(_)) => {
                let message = "it has both 'data' and 'binary_data_size'".to_owned();
                return Err(self.error(message));
            }
            (JsonData::Read(data, nesting), None) => self.fitting(data, &nesting, &shape)?,
            (JsonData::Span(span), None) => {
                let mut reader = text.within(&span);
                let (data, nesting) = self.read_typed(&mut reader, data_type, &shape)?;
                reader.finish()?;
                self.fitting(data, &nesting, &shape)?
            }
        };
        let tensor =
            Tensor::new(shape, data).map_err(|error| self.error(format!("data: {error}")))?;
        Ok(NamedTensor { name: self.name.unwrap_or_default(), tensor })
    }

    /// Data comes flat or nested like its shape.
    fn fitting(&self, data: Data, nesting: &[usize], shape: &Shape) -> Result<Data, DecodeError> {
        if nesting.len() <= 1 || nesting == shape.dims() {
            return Ok(data);
        }
        Err(self.error(format!(
            "data: it is nested as {nesting:?}, expected {shape} or a flat list"
        )))
    }
}

fn read<T: FromJson + Element>(
    reader: &mut Reader,
    shape: &Shape,
) -> Result<(Data, Nesting), JsonError> {
    // An element takes two bytes of text at least, whatever the shape claims.
    let mut values: Vec<T> = Vec::with_capacity(shape.elements().min(reader.remaining() / 2));
    let nesting = read_nested(reader, &mut values)?;
    Ok((values.into(), nesting))
}

/// The binary data behind the JSON, taken piece by piece.
struct Blob<'b> {
    rest: &'b [u8],
    total: usize,
}

impl<'b> Blob<'b> {
    fn take(&mut self, bytes: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or_else(|| {
            format!(
                "binary_data_size is {bytes}, but {} of the {} bytes of binary data are left",
                self.rest.len(),
                self.total
            )
        })?;
        self.rest = rest;
        Ok(taken)
    }
}

fn finish_inputs(
    inputs: Vec<Input>,
    text: &Reader,
    blob: &[u8],
) -> Result<Vec<NamedTensor>, DecodeError> {
    let mut blob = Blob { rest: blob, total: blob.len() };
    let inputs = inputs
        .into_iter()
        .map(|input| input.finish(text, &mut blob))
        .collect::<Result<Vec<_>, _>>()?;
    if blob.rest.is_empty() {
        return Ok(inputs);
    }
    Err(DecodeError(format!(
        "{} of the {} bytes of binary data belong to no input",
        blob.rest.len(),
        blob.total
    )))
}

fn read_outputs(reader: &mut Reader) -> Result<Vec<RequestedOutput>, DecodeError> {
    let mut outputs = Vec::new();
    if reader.null() {
        return Ok(outputs);
    }
    reader.array::<DecodeError>(|reader| {
        let mut output = RequestedOutput::default();
        let mut name = None;
        reader.object::<DecodeError>(|reader, key| {
            match key.as_ref() {
                "name" => name = Some(reader.string()?.into_owned()),
                "parameters" if !reader.null() => reader.object(|reader, key| {
                    match key.as_ref() {
                        "binary_data" => output.binary = Some(boolean(reader, "binary_data")?),
                        "classification" => {
                            let classes = unsigned(reader, "classification")?;
                            let classes = usize::try_from(classes).unwrap_or(usize::MAX);
                            output.classes = (classes > 0).then_some(classes);
                        }
                        _ => drop(reader.skip()?),
                    }
                    Ok::<(), DecodeError>(())
                })?,
                "parameters" => {}
                _ => drop(reader.skip()?),
            }
            Ok(())
        })?;
        output.name =
            name.ok_or_else(|| DecodeError("a requested output has no 'name'".to_owned()))?;
        outputs.push(output);
        Ok(())
    })?;
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(body: &str) -> String {
        decode(body.as_bytes(), None).unwrap_err().0
    }

    #[test]
    fn keys_may_come_in_any_order() {
        let body = r#"{"inputs":[{"data":[[1,2],[3,4]],"parameters":{},"shape":[2,2],
            "datatype":"INT64","name":"x"}],"id":"7"}"#;
        let request = decode(body.as_bytes(), None).unwrap();
        assert_eq!(request.id.as_deref(), Some("7"));
        assert_eq!(request.inputs[0].tensor.data(), &Data::Int64(vec![1, 2, 3, 4]));
    }

    #[test]
    fn data_that_is_nested_unlike_its_shape_is_refused() {
        let body = r#"{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32",
            "data":[[1,2],[3,4],[5,6]]}]}"#;
        assert_eq!(
            message(body),
            "input 'x': data: it is nested as [3, 2], expected [2, 3] or a flat list"
        );
    }

    #[test]
    fn an_input_cannot_carry_json_and_binary_data() {
        let body = r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],
            "parameters":{"binary_data_size":4}}]}"#;
        assert_eq!(message(body), "input 'x': it has both 'data' and 'binary_data_size'");
    }

    #[test]
    fn a_shape_too_large_for_its_data_reserves_no_memory() {
        let body = r#"{"inputs":[{"name":"x","shape":[1099511627776],"datatype":"FP32","data":[1]}]}"#;
        assert_eq!(
            message(body),
            "input 'x': data: shape [1099511627776] holds 1099511627776 elements, came 1"
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_decoding_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            end in proptest::option::of(0usize..100),
        ) {
            let _ = decode(&bytes, end);
        }

        #[test]
        fn no_damage_to_a_good_body_makes_decoding_panic(
            cut in 0usize..130,
            byte: u8,
            end in proptest::option::of(0usize..130),
        ) {
            let good = br#"{"id":"a","parameters":{"timeout":5},"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[[1.5,-2e3]]}],"outputs":[]}"#;
            let mut damaged = good.to_vec();
            if let Some(place) = damaged.get_mut(cut) {
                *place = byte;
            }
            let _ = decode(&damaged, end);
            let _ = decode(&good[..cut.min(good.len())], end);
        }
    }
}
