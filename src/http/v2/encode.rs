//! The answer to an infer request: JSON, with binary data behind it where it was asked for.

use super::decode::RequestedOutput;
use crate::http::exchange::DecodeError;
use crate::predict;
use crate::registry::LiveModel;
use crate::tensor::json::{NonFinite, write_flat, write_string};
use crate::tensor::{Tensor, binary};

/// How an answer is to be written.
pub(super) struct Wanted {
    pub(super) id: Option<String>,
    pub(super) outputs: Vec<Output>,
    pub(super) non_finite: NonFinite,
}

/// One output of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Output {
    what: predict::Output,
    binary: bool,
}

/// The outputs that a request wants, in its order. Checked before anything runs.
pub(super) fn outputs(
    live: &LiveModel,
    requested: &[RequestedOutput],
    binary_default: bool,
) -> Result<Vec<Output>, DecodeError> {
    if requested.is_empty() {
        let all = predict::Output::all(live);
        return Ok(all.map(|what| Output { what, binary: binary_default }).collect());
    }
    let wanted = requested.iter().map(|output| (output.name.as_str(), output.classes));
    let named = predict::Output::named(live, wanted)?;
    let binary = requested.iter().map(|output| output.binary.unwrap_or(binary_default));
    Ok(named.into_iter().zip(binary).map(|(what, binary)| Output { what, binary }).collect())
}

/// An encoded answer.
pub(super) struct Encoded {
    pub(super) body: Vec<u8>,
    /// Where the JSON ends, if binary data follows.
    pub(super) json_bytes: Option<usize>,
}

/// Encodes the outputs of a run.
pub(super) fn encode(
    live: &LiveModel,
    wanted: &Wanted,
    outputs: &[Tensor],
) -> Result<Encoded, DecodeError> {
    let mut body = Vec::with_capacity(512);
    let mut blobs = Vec::new();
    let mut any_binary = false;
    body.extend_from_slice(br#"{"model_name":"#);
    write_string(&mut body, &live.name);
    body.extend_from_slice(br#","model_version":"#);
    write_string(&mut body, &live.version_text);
    if let Some(id) = &wanted.id {
        body.extend_from_slice(br#","id":"#);
        write_string(&mut body, id);
    }
    body.extend_from_slice(br#","outputs":["#);
    for (index, output) in wanted.outputs.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let name = &live.signature().outputs[output.what.position].name;
        let tensor = &*output.what.of(live, outputs)?;
        head(&mut body, name, tensor);
        if output.binary {
            any_binary = true;
            let start = blobs.len();
            binary::encode(tensor.data(), &mut blobs);
            body.extend_from_slice(br#","parameters":{"binary_data_size":"#);
            number(&mut body, blobs.len() - start);
            body.extend_from_slice(b"}}");
        } else {
            body.extend_from_slice(br#","data":"#);
            write_flat(&mut body, tensor.data(), wanted.non_finite)
                .map_err(|error| DecodeError(format!("output '{name}': {error}")))?;
            body.push(b'}');
        }
    }
    body.extend_from_slice(b"]}");
    let json_bytes = any_binary.then_some(body.len());
    body.extend_from_slice(&blobs);
    Ok(Encoded { body, json_bytes })
}

fn head(body: &mut Vec<u8>, name: &str, tensor: &Tensor) {
    body.extend_from_slice(br#"{"name":"#);
    write_string(body, name);
    body.extend_from_slice(br#","datatype":""#);
    body.extend_from_slice(tensor.data_type().as_str().as_bytes());
    body.extend_from_slice(br#"","shape":["#);
    for (axis, dim) in tensor.shape().dims().iter().enumerate() {
        if axis > 0 {
            body.push(b',');
        }
        number(body, *dim);
    }
    body.push(b']');
}

fn number(body: &mut Vec<u8>, number: usize) {
    body.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
