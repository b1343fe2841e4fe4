//! `{"predictions": […]}` (rows) and `{"outputs": …}` (columns).

use super::decode::Form;
use crate::engine::Signature;
use crate::http::exchange::DecodeError;
use crate::tensor::Tensor;
use crate::tensor::json::{NonFinite, write_nested, write_row, write_string};

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
    let mut body = br#"{"predictions":["#.to_vec();
    for row in 0..rows {
        if row > 0 {
            body.push(b',');
        }
        match outputs {
            [only] => write_row(&mut body, only, row, NonFinite::Bare),
            _ => named(&mut body, signature, outputs, |body, output| {
                write_row(body, output, row, NonFinite::Bare);
            }),
        }
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

fn encode_columns(signature: &Signature, outputs: &[Tensor]) -> Vec<u8> {
    let mut body = br#"{"outputs":"#.to_vec();
    match outputs {
        [only] => write_nested(&mut body, only, NonFinite::Bare),
        _ => named(&mut body, signature, outputs, |body, output| {
            write_nested(body, output, NonFinite::Bare);
        }),
    }
    body.push(b'}');
    body
}

fn named(
    body: &mut Vec<u8>,
    signature: &Signature,
    outputs: &[Tensor],
    write: impl Fn(&mut Vec<u8>, &Tensor),
) {
    body.push(b'{');
    for (index, (spec, output)) in signature.outputs.iter().zip(outputs).enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_string(body, &spec.name);
        body.push(b':');
        write(body, output);
    }
    body.push(b'}');
}
