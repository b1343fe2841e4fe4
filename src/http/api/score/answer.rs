//! The body of an answer that another thread writes: it waits until the client has read what was
//! written before, and whatever ends it early, it does not look whole.

use std::time::Duration;

use axum::body::{Body, Bytes};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::upload;
use crate::batch::{self, Sink};
use crate::http::error::Error;
use crate::registry::{Outcome, Refusal};

/// Bytes that a client must read within the time that it may stand still.
const PIECE: usize = 64 << 10;
/// Pieces that wait to be sent.
const WAITING: usize = 4;
/// What was said last leaves before the connection does.
const FAREWELL: Duration = Duration::from_millis(100);

enum Piece {
    Data(Bytes),
    End,
    Failed(Error),
}

/// Where predictions go.
pub(super) struct Writer {
    to: mpsc::Sender<Piece>,
    runtime: Handle,
    idle: Duration,
    upload: upload::State,
    /// Whether a line of JSON may say why there are no more.
    says_why: bool,
    begun: bool,
    is_unread: bool,
    ended: Option<(Outcome, Option<Refusal>)>,
}

/// What the client gets.
pub(super) struct Answer(mpsc::Receiver<Piece>);

/// Call it on a thread of the runtime.
pub(super) fn channel(idle: Duration, upload: upload::State, says_why: bool) -> (Writer, Answer) {
    let (to, from) = mpsc::channel(WAITING);
    let writer = Writer {
        to,
        runtime: Handle::current(),
        idle,
        upload,
        says_why,
        begun: false,
        is_unread: false,
        ended: None,
    };
    (writer, Answer(from))
}

impl Writer {
    /// Tells whether nobody wants the answer any more.
    pub(super) fn probe(&self) -> impl Fn() -> bool + Sync + use<> {
        let to = self.to.clone();
        move || to.is_closed()
    }

    /// All was written.
    pub(super) fn end(&mut self) {
        self.send(Piece::End);
    }

    /// How it failed.
    pub(super) fn outcome(&self) -> (Outcome, Option<Refusal>) {
        self.ended.unwrap_or((Outcome::Failed, None))
    }

    fn send(&mut self, piece: Piece) -> bool {
        let sent = self.runtime.block_on(timeout(self.idle, self.to.send(piece)));
        self.is_unread |= sent.is_err();
        sent.is_ok_and(|sent| sent.is_ok())
    }

    fn error(&self, error: &batch::Error) -> Error {
        if self.is_unread || self.to.is_closed() {
            return Error::Unread;
        }
        self.upload.take().unwrap_or_else(|| match error {
            batch::Error::Model { .. } | batch::Error::Output { .. } => {
                Error::Scoring(error.to_string())
            }
            batch::Error::Internal(reason) => {
                tracing::error!(reason, "a file cannot be scored");
                Error::Internal
            }
            batch::Error::Cancelled => Error::Unread,
            _ => Error::Malformed(error.to_string()),
        })
    }
}

impl Sink for Writer {
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), batch::Error> {
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            if !self.send(Piece::Data(piece)) {
                return Err(batch::Error::Cancelled);
            }
            self.begun = true;
        }
        Ok(())
    }

    fn failed(&mut self, error: &batch::Error) {
        if self.ended.is_some() {
            return;
        }
        let error = self.error(error);
        self.upload.stop();
        self.ended = Some((error.outcome(), error.refusal()));
        if self.is_unread {
            return;
        }
        if self.begun && self.says_why {
            self.send(Piece::Data(last_line(&error).into()));
        }
        self.send(Piece::Failed(error));
    }
}

/// In rows `error` is a text, so this is none.
fn last_line(error: &Error) -> Vec<u8> {
    #[derive(Serialize)]
    struct Problem {
        status: u16,
        detail: String,
    }
    #[derive(Serialize)]
    struct Line {
        error: Problem,
    }
    let error = Problem { status: error.status().as_u16(), detail: error.to_string() };
    let mut line = serde_json::to_vec(&Line { error }).unwrap_or_default();
    line.push(b'\n');
    line
}

impl Answer {
    /// Waits for the first bytes, or why there are none.
    pub(super) async fn begin(mut self) -> Result<Body, Error> {
        match self.0.recv().await {
            Some(Piece::Data(first)) => Ok(self.body(first)),
            Some(Piece::End) => Ok(Body::empty()),
            Some(Piece::Failed(error)) => Err(error),
            None => Err(Error::Internal),
        }
    }

    fn body(self, first: Bytes) -> Body {
        let rest = |(first, mut from): (Option<Bytes>, mpsc::Receiver<Piece>)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (None, from)));
            }
            let error = match from.recv().await {
                Some(Piece::Data(data)) => return Some((Ok(data), (None, from))),
                Some(Piece::End) => return None,
                Some(Piece::Failed(error)) => error,
                // The thread broke off.
                None => Error::Internal,
            };
            sleep(FAREWELL).await;
            Some((Err(error), (None, from)))
        };
        Body::from_stream(futures_util::stream::unfold((Some(first), self.0), rest))
    }
}
