//! One input of a request: its description, and its data in JSON or binary.

use std::ops::Range;

use axum::body::Bytes;

use super::{MAX_TENSORS, unsigned, whole};
use crate::http::exchange::DecodeError;
use crate::predict::NamedTensor;
use crate::tensor::json::{FromJson, JsonError, Nesting, Reader, read_nested};
use crate::tensor::{CompactString, Data, DataType, Element, Shape, Tensor, binary};

/// An input as far as the JSON tells; `data` may come before the type is known.
#[derive(Default)]
pub(super) struct Input {
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

pub(super) fn read_all(reader: &mut Reader) -> Result<Vec<Input>, DecodeError> {
    let mut inputs = Vec::new();
    reader.array::<DecodeError>(|reader| {
        if inputs.len() == MAX_TENSORS {
            return Err(DecodeError(format!("more than {MAX_TENSORS} inputs")));
        }
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
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    Ok(input)
}

fn read_shape(reader: &mut Reader, input: &Input) -> Result<Shape, DecodeError> {
    let mut dims: Vec<i64> = Vec::new();
    reader
        .array::<JsonError>(|reader| {
            dims.push(whole(reader)?);
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
            reader.ignore()?;
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
            DataType::Bytes => read::<CompactString>(reader, shape),
            DataType::Fp16 => {
                let message = "FP16 travels as binary data only, not as JSON".to_owned();
                return Err(self.error(message));
            }
        };
        result.map_err(|error| self.error(format!("data: {error}")))
    }

    fn finish(mut self, text: &Reader, blob: &mut Blob) -> Result<NamedTensor, DecodeError> {
        if self.name.is_none() {
            return Err(DecodeError("an input has no 'name'".to_owned()));
        }
        let shape = self.shape.take().ok_or_else(|| self.error("it has no 'shape'".to_owned()))?;
        let data_type =
            self.data_type.ok_or_else(|| self.error("it has no 'datatype'".to_owned()))?;
        let data = match (std::mem::take(&mut self.data), self.binary_bytes) {
            (JsonData::Absent, Some(bytes)) => {
                let pieces = blob.take(bytes).map_err(|message| self.error(message))?;
                let tensor = binary::read(shape, data_type, pieces)
                    .map_err(|error| self.error(error.to_string()))?;
                return Ok(NamedTensor { name: self.name.unwrap_or_default(), tensor });
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
        Err(self
            .error(format!("data: it is nested as {nesting:?}, expected {shape} or a flat list")))
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

/// The binary data behind the JSON, from which inputs take their parts in order.
struct Blob {
    pieces: std::vec::IntoIter<Bytes>,
    /// What is left of the piece that was begun.
    begun: Bytes,
    left: usize,
    total: usize,
}

impl Blob {
    fn new(pieces: Vec<Bytes>) -> Self {
        let total = pieces.iter().map(Bytes::len).sum();
        Self { pieces: pieces.into_iter(), begun: Bytes::new(), left: total, total }
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<Bytes>, String> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!(
                "binary_data_size is {bytes}, but {} of the {} bytes of binary data are left",
                self.left, self.total
            )
        })?;
        let mut taken = Vec::new();
        let mut missing = bytes;
        loop {
            let part = self.begun.split_to(missing.min(self.begun.len()));
            missing -= part.len();
            // Nothing is one piece of nothing.
            if !part.is_empty() || (missing == 0 && taken.is_empty()) {
                taken.push(part);
            }
            if missing == 0 {
                return Ok(taken);
            }
            let Some(next) = self.pieces.next() else { return Ok(taken) };
            self.begun = next;
        }
    }
}

pub(super) fn finish(
    inputs: Vec<Input>,
    text: &Reader,
    blob: Vec<Bytes>,
) -> Result<Vec<NamedTensor>, DecodeError> {
    let mut blob = Blob::new(blob);
    let inputs = inputs
        .into_iter()
        .map(|input| input.finish(text, &mut blob))
        .collect::<Result<Vec<_>, _>>()?;
    if blob.left == 0 {
        return Ok(inputs);
    }
    Err(DecodeError(format!(
        "{} of the {} bytes of binary data belong to no input",
        blob.left, blob.total
    )))
}
