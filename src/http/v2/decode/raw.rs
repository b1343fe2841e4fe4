//! The raw form: a body that is nothing but the data of one tensor.

use axum::body::Bytes;

use super::InferRequest;
use crate::engine::{Signature, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::predict::NamedTensor;
use crate::tensor::{Shape, binary};

/// Decodes a body that is nothing but the data of the only input; outputs will be binary.
pub(in crate::http) fn decode_raw(
    body: Vec<Bytes>,
    signature: &Signature,
) -> Result<InferRequest, DecodeError> {
    let [spec] = signature.inputs.as_slice() else {
        return Err(DecodeError(format!(
            "a raw request needs a model with one input, this one has {}",
            signature.inputs.len()
        )));
    };
    let named = |message: String| DecodeError(format!("input '{}': {message}", spec.name));
    let shape = raw_shape(spec, &body).map_err(named)?;
    let tensor = binary::read(shape, spec.data_type, body);
    let tensor = tensor.map_err(|error| named(error.to_string()))?;
    let inputs = vec![NamedTensor { name: spec.name.clone(), tensor }];
    Ok(InferRequest { inputs, binary_outputs: true, ..InferRequest::default() })
}

/// The declared shape with its one variable dimension filled from the number of bytes.
fn raw_shape(spec: &TensorSpec, body: &[Bytes]) -> Result<Shape, String> {
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
    let bytes: usize = body.iter().map(Bytes::len).sum();
    let elements = match spec.data_type.size() {
        Some(size) => bytes / size,
        None => count_strings(&binary::whole(body)),
    };
    if variable == 1 && (fixed == 0 || elements % fixed != 0) {
        return Err(format!(
            "{bytes} bytes do not fill whole rows of shape {} of {}",
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
