//! The decoders of bodies by themselves, for the fuzz targets in `fuzz/`, which lie outside of this
//! crate. Not an interface: it changes as the decoders do.

use axum::body::Bytes;

use super::{v1, v2};
use crate::engine::Signature;
use crate::predict::NamedTensor;

/// The inputs of a `:predict` request.
///
/// # Errors
/// What the caller would be told.
pub fn v1(body: &[u8], signature: &Signature) -> Result<Vec<NamedTensor>, String> {
    v1::decode::decode(body, signature).map(|request| request.inputs).map_err(|error| error.0)
}

/// The inputs of an infer request: its JSON, and the binary data behind it in pieces.
///
/// # Errors
/// What the caller would be told.
pub fn v2(json: &[u8], blob: Vec<Bytes>) -> Result<Vec<NamedTensor>, String> {
    let request = v2::decode::decode(json, blob);
    request.map(v2::decode::InferRequest::into_inputs).map_err(|error| error.0)
}

/// The input of an infer request that is nothing but the data of one tensor.
///
/// # Errors
/// What the caller would be told.
pub fn v2_raw(body: Vec<Bytes>, signature: &Signature) -> Result<Vec<NamedTensor>, String> {
    let request = v2::decode::decode_raw(body, signature);
    request.map(v2::decode::InferRequest::into_inputs).map_err(|error| error.0)
}
