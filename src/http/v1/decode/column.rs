//! One input, filled row by row.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::{Dim, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::predict::NamedTensor;
use crate::tensor::json::{FromJson, JsonError, Kind, Nesting, Reader, read_nested};
use crate::tensor::{CompactString, Data, DataType, Shape, Tensor};

/// The rows of an input so far.
pub(super) struct Column<'a> {
    pub(super) spec: &'a TensorSpec,
    pub(super) data: Data,
    pub(super) rows: usize,
    /// The shape of one row; the same for all.
    pub(super) nesting: Option<Nesting>,
}

impl<'a> Column<'a> {
    pub(super) fn new(spec: &'a TensorSpec) -> Self {
        Self { spec, data: Data::empty(spec.data_type), rows: 0, nesting: None }
    }

    pub(super) fn read_row(&mut self, reader: &mut Reader, row: usize) -> Result<(), DecodeError> {
        let nesting = self.read_value(reader, Some(row), &self.spec.name)?;
        self.count(nesting, row)
    }

    /// A row out of these values.
    pub(super) fn add_row(
        &mut self,
        values: &Data,
        places: &[Option<usize>],
        row: usize,
    ) -> Result<(), DecodeError> {
        self.data.extend_picked(values, places);
        self.count(vec![places.len()], row)
    }

    fn count(&mut self, nesting: Nesting, row: usize) -> Result<(), DecodeError> {
        match &self.nesting {
            None => self.nesting = Some(nesting),
            Some(first) if *first == nesting => {}
            Some(first) => {
                return Err(DecodeError(format!(
                    "instance {row}: input '{}' has shape {nesting:?}, in the instances before it was {first:?}",
                    self.spec.name
                )));
            }
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn read_value(
        &mut self,
        reader: &mut Reader,
        row: Option<usize>,
        name: &str,
    ) -> Result<Nesting, DecodeError> {
        let read = match &mut self.data {
            Data::Bool(values) => read_nested(reader, values),
            Data::Uint8(values) => read_nested(reader, values),
            Data::Uint16(values) => read_nested(reader, values),
            Data::Uint32(values) => read_nested(reader, values),
            Data::Uint64(values) => read_nested(reader, values),
            Data::Int8(values) => read_nested(reader, values),
            Data::Int16(values) => read_nested(reader, values),
            Data::Int32(values) => read_nested(reader, values),
            Data::Int64(values) => read_nested(reader, values),
            Data::Fp16(values) => read_nested(reader, values),
            Data::Fp32(values) => read_nested(reader, values),
            Data::Fp64(values) => read_nested(reader, values),
            Data::Bytes(values) => {
                let mut texts: Vec<Text> = Vec::new();
                let nesting = read_nested(reader, &mut texts);
                values.extend(texts.into_iter().map(|text| text.0));
                nesting
            }
        };
        read.map_err(|error| {
            let at = row.map_or_else(String::new, |row| format!("instance {row}: "));
            let what = if name == self.spec.name { "input" } else { "feature" };
            DecodeError(format!("{at}{what} '{name}': {error}"))
        })
    }

    /// The tensor: `rows` on the leading axis in the row form, the value's own shape in the
    /// column form.
    pub(super) fn finish(self, rows: Option<usize>) -> Result<NamedTensor, DecodeError> {
        let named = |message: String| DecodeError(format!("input '{}': {message}", self.spec.name));
        let row = self.nesting.unwrap_or_else(|| row_of_declared(self.spec));
        let mut dims: Vec<usize> = rows.into_iter().chain(row).collect();
        if is_one_column(self.spec, dims.len()) {
            dims.push(1);
        }
        let shape = Shape::new(dims).map_err(|error| named(error.to_string()))?;
        let tensor = Tensor::new(shape, self.data).map_err(|error| named(error.to_string()))?;
        Ok(NamedTensor { name: self.spec.name.clone(), tensor })
    }
}

/// Without instances, the shape of a row is the declared one.
fn row_of_declared(spec: &TensorSpec) -> Nesting {
    let dims = spec.dims.as_deref().unwrap_or_default().iter().skip(1);
    dims.map(|dim| if let Dim::Fixed(size) = dim { *size } else { 0 }).collect()
}

/// The model wants `[N, 1]` and the request has one plain value per row.
fn is_one_column(spec: &TensorSpec, rank: usize) -> bool {
    rank == 1 && spec.dims.as_ref().is_some_and(|dims| dims.len() == 2 && dims[1] == Dim::Fixed(1))
}

/// A string, or bytes in base64.
#[derive(Clone, Default)]
struct Text(CompactString);

impl crate::tensor::Element for Text {
    const DATA_TYPE: DataType = DataType::Bytes;

    fn wrap(values: Vec<Self>) -> Data {
        Data::Bytes(values.into_iter().map(|text| text.0).collect())
    }

    fn unwrap(_: &Data) -> Option<&[Self]> {
        None
    }

    fn unwrap_mut(_: &mut Data) -> Option<&mut [Self]> {
        None
    }
}

impl FromJson for Text {
    fn read(reader: &mut Reader) -> Result<Self, JsonError> {
        if reader.kind()? != Kind::Object {
            return CompactString::read(reader).map(Self);
        }
        let mut text = None;
        reader.object::<JsonError>(|reader, key| {
            if key != "b64" {
                return Err(reader.error(format!("expected the key 'b64', came '{key}'")));
            }
            let encoded = reader.string()?;
            let bytes = STANDARD
                .decode(encoded.as_bytes())
                .map_err(|error| reader.error(format!("invalid base64: {error}")))?;
            let decoded = CompactString::from_utf8(bytes).map_err(|_| {
                reader.error("the base64 text is not UTF-8, which ONNX strings are")
            })?;
            text = Some(Self(decoded));
            Ok(())
        })?;
        text.ok_or_else(|| reader.error("expected the key 'b64', came an empty object"))
    }
}
