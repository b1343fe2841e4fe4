//! What a caller gets: a message and trailers, or trailers alone.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame};
use prost::Message;
use tonic::Status;

use super::error::Error;
use super::message::framed;
use crate::coding::Coding;

/// The answer to a call.
pub(super) struct Reply {
    message: Bytes,
    coding: Coding,
    /// Metadata that comes before it.
    pub(super) metadata: HeaderMap,
}

/// Puts a message into its frame.
pub(super) async fn reply<M: Message + 'static>(
    message: M,
    coding: Coding,
) -> Result<Reply, Error> {
    let (message, coding) = framed(message, coding).await?;
    Ok(Reply { message, coding, metadata: HeaderMap::new() })
}

/// A message on its way, and the trailers behind it.
pub(super) struct Whole {
    message: Option<Bytes>,
    has_trailers: bool,
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

impl Reply {
    /// Of the message, in its frame.
    pub(super) fn bytes(&self) -> usize {
        self.message.len()
    }

    pub(super) fn into_http(self) -> Response<tonic::body::Body> {
        let body = Whole { message: Some(self.message), has_trailers: true };
        let mut response = Response::new(tonic::body::Body::new(body));
        let headers = response.headers_mut();
        *headers = self.metadata;
        headers.insert(header::CONTENT_TYPE, GRPC);
        if self.coding != Coding::Identity {
            headers.insert(ENCODING, HeaderValue::from_static(self.coding.as_str()));
        }
        response
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if !std::mem::take(&mut self.has_trailers) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(STATUS, HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        !self.has_trailers
    }
}

/// The answer to a call that failed.
pub(super) fn failed(error: &Error) -> Response<tonic::body::Body> {
    let mut response = Status::from(error).into_http();
    if matches!(error, Error::Encoding(_)) {
        // What the protocol asks for, so that the caller knows better next time.
        response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip,deflate"));
    }
    response
}
