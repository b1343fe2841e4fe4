//! `{"instances": […]}` (rows) and `{"inputs": …}` (columns) into typed tensors. The types
//! come from the model's signature, so numbers land in their final vector here too.

mod column;
mod features;

use std::borrow::Cow;
use std::ops::Range;

use crate::engine::{Signature, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::predict::NamedTensor;
use crate::tensor::json::{JsonError, Kind, Reader};
use column::Column;
use features::read_features;

/// Which of the two forms a request has; the answer takes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Rows,
    Columns,
}

#[derive(Debug)]
pub(in crate::http) struct PredictRequest {
    pub(super) form: Form,
    pub(in crate::http) inputs: Vec<NamedTensor>,
    /// Number of instances, in the row form.
    pub(super) rows: usize,
}

pub(in crate::http) fn decode(
    body: &[u8],
    signature: &Signature,
) -> Result<PredictRequest, DecodeError> {
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
            match columns.as_mut_slice() {
                [Column { spec: TensorSpec { columns: Some(features), .. }, .. }] => {
                    read_features(reader, &mut columns[0], features, row)?;
                }
                columns => read_object(reader, columns, row)?,
            }
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
    reader.object::<DecodeError>(|reader, key| {
        let Some(position) = columns.iter().position(|column| column.spec.name == key) else {
            let known = known(columns);
            return Err(DecodeError(format!(
                "instance {row}: unknown input '{key}', the model has {known}"
            )));
        };
        let column = &mut columns[position];
        if column.rows > row {
            return Err(DecodeError(format!("instance {row}: input '{key}' is given twice")));
        }
        column.read_row(reader, row)
    })?;
    match columns.iter().find(|column| column.rows <= row) {
        None => Ok(()),
        Some(missing) => Err(DecodeError(format!(
            "instance {row}: input '{}' is missing, the model has {}",
            missing.spec.name,
            known(columns)
        ))),
    }
}

fn known(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|c| format!("'{}'", c.spec.name)).collect();
    names.join(", ")
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
    column.nesting = Some(column.read_value(reader, None, &spec.name)?);
    column.finish(None)
}

fn names(signature: &Signature) -> String {
    let names: Vec<String> = signature.inputs.iter().map(|i| format!("'{}'", i.name)).collect();
    names.join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Columns, Dim, Label, Role};
    use crate::tensor::{CompactString, Data, DataType};

    fn signature(inputs: &[(&str, DataType, Vec<Dim>)]) -> Signature {
        let spec = |(name, data_type, dims): &(&str, DataType, Vec<Dim>)| TensorSpec {
            name: (*name).to_owned(),
            data_type: *data_type,
            dims: Some(dims.clone()),
            columns: None,
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
        assert_eq!(
            request.inputs[1].tensor.data().as_slice::<CompactString>().unwrap(),
            ["UA", "DL"]
        );
        assert_eq!(request.inputs[1].tensor.shape().dims(), [2, 1]);
    }

    #[test]
    fn b64_is_a_value_and_not_an_object_of_inputs() {
        let signature = signature(&[("x", DataType::Bytes, vec![batch()])]);
        let request = decoded(r#"{"instances": [{"b64": "aGk="}]}"#, &signature).unwrap();
        assert_eq!(request.inputs[0].tensor.data().as_slice::<CompactString>().unwrap(), ["hi"]);
    }

    fn with_features(role: Role) -> Signature {
        let mut signature = signature(&[("x", DataType::Fp32, vec![batch(), Dim::Fixed(3)])]);
        let names = ["distance", "hour", "temp"].map(|name| Label::Text(name.to_owned()));
        signature.inputs[0].columns = Some(Columns::new(names.to_vec(), role).unwrap());
        signature
    }

    #[test]
    fn an_object_of_features_fills_the_only_matrix() {
        let body = r#"{"instances": [{"temp": null, "distance": 1400, "hour": 6},
            [1, 2, 3], {"x": [4, 5, 6]}]}"#;
        let request = decoded(body, &with_features(Role::Features)).unwrap();
        assert_eq!(request.inputs[0].tensor.shape().dims(), [3, 3]);
        let values = request.inputs[0].tensor.data().as_slice::<f32>().unwrap();
        assert!(values[2].is_nan());
        assert_eq!(
            [&values[..2], &values[3..]].concat(),
            [1400.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }

    #[test]
    fn a_feature_left_out_is_nought_only_where_rows_were_maps() {
        let body = r#"{"instances": [{"hour": 6}, {}]}"#;
        let request = decoded(body, &with_features(Role::SparseFeatures)).unwrap();
        let expected = Data::Fp32(vec![0.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(request.inputs[0].tensor.data(), &expected);
        let message = decoded(body, &with_features(Role::Features)).unwrap_err();
        assert_eq!(
            message,
            "instance 0: feature 'distance' is missing, the model has 'distance', 'hour', 'temp'; null says that a value is not known"
        );
    }

    #[test]
    fn mistakes_in_features_are_named() {
        let refuse = |row: &str| {
            let body = format!("{{\"instances\": [{row}]}}");
            decoded(&body, &with_features(Role::Features)).unwrap_err()
        };
        let message = refuse(r#"{"speed": 1}"#);
        assert!(
            message.starts_with("instance 0: unknown feature 'speed', the model has"),
            "{message}"
        );
        let message = refuse(r#"{"hour": "six", "distance": 1, "temp": 2}"#);
        assert!(
            message.starts_with("instance 0: feature 'hour': expected FP32, came a string"),
            "{message}"
        );
        assert_eq!(
            refuse(r#"{"hour": 1, "hour": 2}"#),
            "instance 0: feature 'hour' is given twice"
        );
        assert_eq!(
            refuse(r#"{"hour": [1]}"#),
            "instance 0: feature 'hour': expected a value, came a list"
        );
        assert_eq!(
            refuse(r#"{"x": [1, 2, 3], "hour": 1}"#),
            "instance 0: expected 'x' or its features, came both"
        );
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
