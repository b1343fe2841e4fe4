//! The body of a call that may have many messages: as long as the server accepts calls, and no
//! longer than the caller has something to say.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

use super::connection::{Active, Stopped};

/// Bytes that a caller may ask with altogether.
const MAX_BYTES: usize = 1 << 20;

/// A body within bounds.
pub(super) struct Limited {
    body: Incoming,
    bytes: usize,
    /// Between two pieces.
    wait: Duration,
    silence: Pin<Box<Sleep>>,
    stopped: Pin<Box<Stopped>>,
    is_over: bool,
}

impl Limited {
    pub(super) fn new(body: Incoming, wait: Duration, stopped: Pin<Box<Stopped>>) -> Self {
        Self { body, bytes: 0, wait, silence: Box::pin(sleep(wait)), stopped, is_over: false }
    }

    fn end(&mut self, error: Option<Status>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.is_over = true;
        Poll::Ready(error.map(Err))
    }
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.silence.as_mut().reset(Instant::now() + this.wait);
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            this.bytes += data.map_or(0, Bytes::len);
            if this.bytes > MAX_BYTES {
                return this.end(Some(Status::resource_exhausted("the call has said too much")));
            }
            // A caller that broke off will read no answer.
            let broken = |error: hyper::Error| Status::cancelled(error.to_string());
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        if this.stopped.as_mut().poll(context).is_ready() {
            return this.end(None);
        }
        ready!(this.silence.as_mut().poll(context));
        this.end(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, until which the call is under way.
pub(super) struct Counted {
    pub(super) body: tonic::body::Body,
    pub(super) _active: Active,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
