//! `{"instances": […]}` (rows) and `{"inputs": …}` (columns) into typed tensors. The types
//! come from the model's signature, so numbers land in their final vector here too.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::{Dim, Signature, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::predict::NamedTensor;
use crate::tensor::json::{FromJson, JsonError, Kind, Nesting, Reader, read_nested};
use crate::tensor::{Data, DataType, Shape, Tensor};

/// Which of the two forms a request has; the answer takes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Rows,
    Columns,
}

#[derive(Debug)]
pub(super) struct PredictRequest {
    pub(super) form: Form,
    pub(super) inputs: Vec<NamedTensor>,
    /// Number of instances, in the row form.
    pub(super) rows: usize,
}

pub(super) fn decode(body: &[u8], signature: &Signature) -> Result<PredictRequest, DecodeError> {
    let (mut instances, mut inputs) = (None, None);
    let mut reader = Reader::new(body);
    reader.object::<DecodeError>(|reader, key| {
        match key.as_ref() {
            "instances" => instances = Some(reader.skip()?),
            "inputs" => inputs = Some(reader.skip()?),
            // `signature_name` among others: an ONNX model has one signature.
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    reader.finish()?;
    let text = Reader::new(body);
    match (instances, inputs) {
        (Some(span), None) => rows(&text, &span, signature),
        (None, Some(span)) => columns(&text, &span, signature),
        (Some(_), Some(_)) => {
            Err(DecodeError("expected one of 'inputs' and 'instances', came both".to_owned()))
        }
        (None, None) => Err(DecodeError("Missing 'inputs' or 'instances' key".to_owned())),
    }
}

/// The row form: a list of instances, each a value for the only input or an object with a
/// value for each.
fn rows(
    text: &Reader,
    span: &Range<usize>,
    signature: &Signature,
) -> Result<PredictRequest, DecodeError> {
    let mut reader = text.within(span);
    if reader.kind()? != Kind::Array {
        return Err(DecodeError("'instances' is no list".to_owned()));
    }
    let mut columns: Vec<Column> = signature.inputs.iter().map(Column::new).collect();
    let mut row = 0;
    reader.array::<DecodeError>(|reader| {
        if reader.kind()? == Kind::Object && !is_b64(reader) {
            read_object(reader, &mut columns, row)?;
        } else {
            let [column] = columns.as_mut_slice() else {
                return Err(DecodeError(format!(
                    "instance {row}: the model has {} inputs, expected an object with a value for each of {}",
                    signature.inputs.len(),
                    names(signature)
                )));
            };
            column.read_row(reader, row)?;
        }
        row += 1;
        Ok(())
    })?;
    reader.finish()?;
    let inputs =
        columns.into_iter().map(|column| column.finish(Some(row))).collect::<Result<_, _>>()?;
    Ok(PredictRequest { form: Form::Rows, inputs, rows: row })
}

fn read_object(reader: &mut Reader, columns: &mut [Column], row: usize) -> Result<(), DecodeError> {
    let known: Vec<String> = columns.iter().map(|c| format!("'{}'", c.spec.name)).collect();
    let known = known.join(", ");
    reader.object::<DecodeError>(|reader, key| {
        let column = columns.iter_mut().find(|column| column.spec.name == key);
        let column = column.ok_or_else(|| {
            DecodeError(format!("instance {row}: unknown input '{key}', the model has {known}"))
        })?;
        if column.rows > row {
            return Err(DecodeError(format!("instance {row}: input '{key}' is given twice")));
        }
        column.read_row(reader, row)
    })?;
    match columns.iter().find(|column| column.rows <= row) {
        None => Ok(()),
        Some(missing) => Err(DecodeError(format!(
            "instance {row}: input '{}' is missing, the model has {known}",
            missing.spec.name
        ))),
    }
}

/// The column form: the whole tensor of the only input, or an object of whole tensors.
fn columns(
    text: &Reader,
    span: &Range<usize>,
    signature: &Signature,
) -> Result<PredictRequest, DecodeError> {
    let mut reader = text.within(span);
    let mut inputs: Vec<NamedTensor> = Vec::new();
    if reader.kind()? == Kind::Object && !is_b64(&reader) {
        reader.object::<DecodeError>(|reader, key| {
            let (_, spec) = signature.input(&key).ok_or_else(|| {
                let known = names(signature);
                DecodeError(format!("unknown input '{key}', the model has {known}"))
            })?;
            inputs.push(read_whole(reader, spec)?);
            Ok(())
        })?;
    } else {
        let [spec] = signature.inputs.as_slice() else {
            return Err(DecodeError(format!(
                "the model has {} inputs, expected an object with a value for each of {}",
                signature.inputs.len(),
                names(signature)
            )));
        };
        inputs.push(read_whole(&mut reader, spec)?);
    }
    reader.finish()?;
    Ok(PredictRequest { form: Form::Columns, inputs, rows: 0 })
}

fn read_whole(reader: &mut Reader, spec: &TensorSpec) -> Result<NamedTensor, DecodeError> {
    let mut column = Column::new(spec);
    column.nesting = Some(column.read_value(reader, None)?);
    column.finish(None)
}

fn names(signature: &Signature) -> String {
    let names: Vec<String> = signature.inputs.iter().map(|i| format!("'{}'", i.name)).collect();
    names.join(", ")
}

/// One input, filled row by row.
struct Column<'a> {
    spec: &'a TensorSpec,
    data: Data,
    rows: usize,
    /// The shape of one row; the same for all.
    nesting: Option<Nesting>,
}

impl<'a> Column<'a> {
    fn new(spec: &'a TensorSpec) -> Self {
        Self { spec, data: Data::empty(spec.data_type), rows: 0, nesting: None }
    }

    fn read_row(&mut self, reader: &mut Reader, row: usize) -> Result<(), DecodeError> {
        let nesting = self.read_value(reader, Some(row))?;
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

    fn read_value(
        &mut self,
        reader: &mut Reader,
        row: Option<usize>,
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
            DecodeError(format!("{at}input '{}': {error}", self.spec.name))
        })
    }

    /// The tensor: `rows` on the leading axis in the row form, the value's own shape in the
    /// column form.
    fn finish(self, rows: Option<usize>) -> Result<NamedTensor, DecodeError> {
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

/// `{"b64": "…"}` is a value, not an object of inputs.
fn is_b64(reader: &Reader) -> bool {
    let mut ahead = reader.clone();
    let mut keys = Vec::new();
    let read = ahead.object::<JsonError>(|reader, key| {
        keys.push(key);
        reader.ignore()
    });
    read.is_ok() && keys == [Cow::Borrowed("b64")]
}

/// A string, or bytes in base64.
#[derive(Clone, Default)]
struct Text(String);

impl crate::tensor::Element for Text {
    const DATA_TYPE: DataType = DataType::Bytes;

    fn wrap(values: Vec<Self>) -> Data {
        Data::Bytes(values.into_iter().map(|text| text.0).collect())
    }

    fn unwrap(_: &Data) -> Option<&[Self]> {
        None
    }
}

impl FromJson for Text {
    fn read(reader: &mut Reader) -> Result<Self, JsonError> {
        if reader.kind()? != Kind::Object {
            return String::read(reader).map(Self);
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
            let decoded = String::from_utf8(bytes).map_err(|_| {
                reader.error("the base64 text is not UTF-8, which ONNX strings are")
            })?;
            text = Some(Self(decoded));
            Ok(())
        })?;
        text.ok_or_else(|| reader.error("expected the key 'b64', came an empty object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(inputs: &[(&str, DataType, Vec<Dim>)]) -> Signature {
        let spec = |(name, data_type, dims): &(&str, DataType, Vec<Dim>)| TensorSpec {
            name: (*name).to_owned(),
            data_type: *data_type,
            dims: Some(dims.clone()),
        };
        Signature { inputs: inputs.iter().map(spec).collect(), outputs: vec![] }
    }

    fn batch() -> Dim {
        Dim::Symbol("N".to_owned())
    }

    fn decoded(body: &str, signature: &Signature) -> Result<PredictRequest, String> {
        decode(body.as_bytes(), signature).map_err(|error| error.0)
    }

    #[test]
    fn rows_of_the_only_input_become_one_tensor() {
        let signature = signature(&[("x", DataType::Fp32, vec![batch(), Dim::Fixed(2)])]);
        let request = decoded(r#"{"instances": [[1, 2], [3, 4]]}"#, &signature).unwrap();
        assert_eq!(request.inputs[0].tensor.shape().dims(), [2, 2]);
        assert_eq!((request.form, request.rows), (Form::Rows, 2));
    }

    #[test]
    fn an_object_per_row_feeds_one_column_per_input() {
        let signature = signature(&[
            ("distance", DataType::Fp32, vec![batch(), Dim::Fixed(1)]),
            ("carrier", DataType::Bytes, vec![batch(), Dim::Fixed(1)]),
        ]);
        let body = r#"{"instances": [{"carrier": "UA", "distance": 1400},
            {"distance": 200.5, "carrier": {"b64": "REw="}}]}"#;
        let request = decoded(body, &signature).unwrap();
        assert_eq!(request.inputs[0].tensor.data(), &Data::Fp32(vec![1400.0, 200.5]));
        assert_eq!(request.inputs[1].tensor.data().as_slice::<String>().unwrap(), ["UA", "DL"]);
        assert_eq!(request.inputs[1].tensor.shape().dims(), [2, 1]);
    }

    #[test]
    fn b64_is_a_value_and_not_an_object_of_inputs() {
        let signature = signature(&[("x", DataType::Bytes, vec![batch()])]);
        let request = decoded(r#"{"instances": [{"b64": "aGk="}]}"#, &signature).unwrap();
        assert_eq!(request.inputs[0].tensor.data().as_slice::<String>().unwrap(), ["hi"]);
    }

    #[test]
    fn mistakes_name_the_instance_and_the_input() {
        let one = signature(&[("x", DataType::Fp32, vec![batch(), Dim::Fixed(2)])]);
        let message = decoded(r#"{"instances": [[1, 2], [3]]}"#, &one).unwrap_err();
        assert_eq!(
            message,
            "instance 1: input 'x' has shape [1], in the instances before it was [2]"
        );
        let message = decoded(r#"{"instances": [{"y": 1}]}"#, &one).unwrap_err();
        assert_eq!(message, "instance 0: unknown input 'y', the model has 'x'");
        assert_eq!(decoded("{}", &one).unwrap_err(), "Missing 'inputs' or 'instances' key");
        let both = decoded(r#"{"inputs": [], "instances": []}"#, &one).unwrap_err();
        assert_eq!(both, "expected one of 'inputs' and 'instances', came both");
    }
}
