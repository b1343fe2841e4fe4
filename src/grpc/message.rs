//! The one message of a call from its bytes, and the bytes of one: framed, packed perhaps, within
//! bounds of size and memory.
//!
//! The frame is that of gRPC over HTTP/2: a byte that says whether the message is packed, its
//! length as four bytes, the message.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Error;
use crate::away;
use crate::coding::{self, Coding, CodingError};

/// Bytes before a message.
const PREFIX: usize = 5;

/// The memory for a message grows with what comes, whatever length it announces.
const FIRST: usize = 64 * 1024;

/// Answers smaller than this are not worth packing: they fit one packet.
const MIN_PACKED: usize = 1024;

/// Memory that the messages of one connection may take before they are decoded: shared fairly, so
/// that many callers behind one proxy wait for each other instead of failing.
#[derive(Clone)]
pub(super) struct Room {
    /// In pieces of [`PIECE`].
    pieces: Arc<Semaphore>,
    all: u32,
}

const PIECE: usize = 4096;

/// Messages of the largest size that have room at the same time.
const LARGEST: usize = 4;

impl Room {
    pub(super) fn new(max_body: usize) -> Self {
        let pieces = max_body.div_ceil(PIECE).saturating_mul(LARGEST).min(Semaphore::MAX_PERMITS);
        let all = u32::try_from(pieces).unwrap_or(u32::MAX);
        Self { pieces: Arc::new(Semaphore::new(all as usize)), all }
    }

    async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes <= FIRST {
            return None;
        }
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX).min(self.all);
        // It is never closed.
        Arc::clone(&self.pieces).acquire_many_owned(pieces).await.ok()
    }
}

/// A message as it came, and the memory that it takes.
pub(super) struct Received {
    bytes: Bytes,
    is_packed: bool,
    /// Held as long as the bytes are.
    room: Option<OwnedSemaphorePermit>,
}

/// A body in pieces: that of a connection, or one of a test.
pub(super) trait Data: Body<Data = Bytes, Error: std::fmt::Display> + Unpin {}

impl<B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin> Data for B {}

/// Reads the body of a call that has one message.
///
/// # Errors
/// It is larger than `limit`, or no one message.
pub(super) async fn receive(
    mut body: impl Data,
    limit: usize,
    room: &Room,
) -> Result<Received, Error> {
    let none = || Error::Malformed("the call has no message".to_owned());
    let mut came = next(&mut body).await?.ok_or_else(none)?;
    while came.len() < PREFIX {
        let more = next(&mut body).await?.ok_or_else(|| cut(came.len(), PREFIX))?;
        came = [&came[..], &more[..]].concat().into();
    }
    let is_packed = match came[0] {
        0 => false,
        1 => true,
        flag => return Err(Error::Malformed(format!("a message begins with {flag}, not 0 or 1"))),
    };
    let length = u32::from_be_bytes([came[1], came[2], came[3], came[4]]) as usize;
    if length > limit {
        return Err(Error::TooLarge { limit });
    }
    let room = room.reserve(length).await;
    let mut bytes = came.split_off(PREFIX);
    if bytes.len() < length {
        let mut whole = BytesMut::with_capacity(length.min(FIRST));
        whole.extend_from_slice(&bytes);
        while whole.len() < length {
            let more = next(&mut body).await?.ok_or_else(|| cut(whole.len(), length))?;
            whole.extend_from_slice(&more);
        }
        bytes = whole.freeze();
    }
    if bytes.len() > length || next(&mut body).await?.is_some() {
        return Err(Error::Malformed("the call has more than one message".to_owned()));
    }
    Ok(Received { bytes, is_packed, room })
}

fn cut(came: usize, expected: usize) -> Error {
    Error::Malformed(format!("the message ends after {came} bytes, expected {expected}"))
}

/// Bytes that follow; `None` at the end.
async fn next(body: &mut impl Data) -> Result<Option<Bytes>, Error> {
    if body.is_end_stream() {
        return Ok(None);
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::Broken(error.to_string()))?;
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

impl Received {
    /// Undoes the packing.
    pub(super) async fn unpacked(self, coding: Coding, limit: usize) -> Result<Self, Error> {
        if !self.is_packed {
            return Ok(self);
        }
        if coding == Coding::Identity {
            let message = "the message is packed, and no grpc-encoding says how";
            return Err(Error::Malformed(message.to_owned()));
        }
        // A few bytes may unpack to very many.
        let Self { bytes, room, .. } = self;
        let unpack = move || coding::decompress(coding, &bytes, limit);
        match away::blocking(unpack).await? {
            Ok(bytes) => Ok(Self { bytes, is_packed: false, room }),
            Err(CodingError::TooLarge) => Err(Error::TooLarge { limit }),
            Err(CodingError::Corrupt(reason)) => {
                let coding = coding.as_str();
                Err(Error::Malformed(format!("the message is not valid {coding}: {reason}")))
            }
        }
    }

    /// The message itself.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Reads what a message says.
pub(super) fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, Error> {
    M::decode(bytes).map_err(|error| Error::Malformed(format!("malformed message: {error}")))
}

/// A message in its frame, packed where the coding says so and it pays.
pub(super) async fn framed<M: Message + 'static>(
    message: M,
    coding: Coding,
) -> Result<(Bytes, Coding), Error> {
    let length = message.encoded_len();
    let packed = if length < MIN_PACKED { Coding::Identity } else { coding };
    // Bytes are only copied.
    let work = if packed == Coding::Identity { length / away::COPYING } else { usize::MAX };
    let bytes = away::run(work, move || frame(&message, length, packed)).await?;
    let bytes = bytes.ok_or(Error::Internal)?;
    Ok((bytes, packed))
}

/// `None` if its length does not fit the frame.
fn frame<M: Message>(message: &M, length: usize, coding: Coding) -> Option<Bytes> {
    let mut framed = Vec::with_capacity(PREFIX + length);
    framed.extend_from_slice(&[0; PREFIX]);
    if coding == Coding::Identity {
        message.encode(&mut framed).ok()?;
    } else {
        framed[0] = 1;
        framed.extend_from_slice(&coding::compress(coding, message.encode_to_vec()));
    }
    let length = u32::try_from(framed.len() - PREFIX).ok()?;
    framed[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Some(framed.into())
}
