//! `{"predictions": […]}` (rows) and `{"outputs": …}` (columns). In a row an output that the
//! file declares to be a map is an object from class to score.

use super::decode::Form;
use crate::engine::{Role, Signature, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::tensor::Tensor;
use crate::tensor::json::{
    NonFinite, write_key, write_nested, write_object, write_row, write_string,
};

/// The answer to a request of the given form with `rows` instances.
pub(super) fn encode(
    form: Form,
    rows: usize,
    signature: &Signature,
    outputs: &[Tensor],
) -> Result<Vec<u8>, DecodeError> {
    match form {
        Form::Rows => encode_rows(rows, signature, outputs),
        Form::Columns => Ok(encode_columns(signature, outputs)),
    }
}

fn encode_rows(
    rows: usize,
    signature: &Signature,
    outputs: &[Tensor],
) -> Result<Vec<u8>, DecodeError> {
    let uneven =
        signature.outputs.iter().zip(outputs).find(|(_, output)| output.rows() != Some(rows));
    if let Some((spec, output)) = uneven {
        return Err(DecodeError(format!(
            "output '{}' has shape {}, not one row for each of the {rows} instances; use the column form {{\"inputs\": …}}",
            spec.name,
            output.shape()
        )));
    }
    let maps: Vec<Option<Vec<Vec<u8>>>> =
        signature.outputs.iter().zip(outputs).map(|(spec, output)| keys(spec, output)).collect();
    let write = |body: &mut Vec<u8>, index: usize, row: usize| match &maps[index] {
        Some(keys) => write_object(body, &outputs[index], row, keys, NonFinite::Bare),
        None => write_row(body, &outputs[index], row, NonFinite::Bare),
    };
    let mut body = br#"{"predictions":["#.to_vec();
    for row in 0..rows {
        if row > 0 {
            body.push(b',');
        }
        match outputs {
            [_] => write(&mut body, 0, row),
            _ => named(&mut body, signature, outputs, |body, index| write(body, index, row)),
        }
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// The keys of an output that is a map from class to score in every row.
fn keys(spec: &TensorSpec, output: &Tensor) -> Option<Vec<Vec<u8>>> {
    let columns = spec.columns.as_ref().filter(|columns| columns.role() == Role::ClassMap)?;
    let names = columns.names();
    let fits = matches!(*output.shape().dims(), [_, columns] if columns == names.len());
    fits.then(|| names.iter().map(|name| write_key(&name.to_string())).collect())
}

fn encode_columns(signature: &Signature, outputs: &[Tensor]) -> Vec<u8> {
    let mut body = br#"{"outputs":"#.to_vec();
    match outputs {
        [only] => write_nested(&mut body, only, NonFinite::Bare),
        _ => named(&mut body, signature, outputs, |body, index| {
            write_nested(body, &outputs[index], NonFinite::Bare);
        }),
    }
    body.push(b'}');
    body
}

fn named(
    body: &mut Vec<u8>,
    signature: &Signature,
    outputs: &[Tensor],
    write: impl Fn(&mut Vec<u8>, usize),
) {
    body.push(b'{');
    for (index, (spec, _)) in signature.outputs.iter().zip(outputs).enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_string(body, &spec.name);
        body.push(b':');
        write(body, index);
    }
    body.push(b'}');
}
