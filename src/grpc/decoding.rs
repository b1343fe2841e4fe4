//! The way of a request for a prediction from the bytes of a call to tensors by itself, for the fuzz
//! targets in `fuzz/`, which lie outside of this crate. Not an interface: it changes as the way does.

use std::fmt::Display;

use bytes::Bytes;
use hyper::body::Body;

use super::message::{self, Room};
use super::{calls, decode};
use crate::predict::NamedTensor;

/// The inputs of a `ModelInfer` whose body this is, packed as `encoding` says.
///
/// # Errors
/// What the caller would be told.
pub async fn infer<B>(body: B, encoding: &str, max_body: usize) -> Result<Vec<NamedTensor>, String>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    let told = |error: super::error::Error| error.to_string();
    let coding = calls::coding(encoding).map_err(told)?;
    let received = message::receive(body, max_body, &Room::new(max_body)).await.map_err(told)?;
    let received = received.unpacked(coding, max_body).await.map_err(told)?;
    let request = calls::request(received, max_body).await.map_err(told)?;
    decode::wishes(&request).map_err(|error| error.0)?;
    for output in &request.outputs {
        decode::wanted(output).map_err(|error| error.0)?;
    }
    decode::inputs(request.inputs, request.raw_input_contents).map_err(|error| error.0)
}
