//! The body of a request as a reader that another thread has: pieces go to it as it takes them,
//! and nothing is read of the socket before.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::http::error::Error;

/// Pieces that wait to be taken: each is what one read of the socket gave.
const WAITING: usize = 4;

enum Piece {
    Data(Bytes),
    /// It was not merely cut off.
    End,
}

pub(super) struct Upload {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
    /// Bytes that may still come.
    left: u64,
    limit: Option<usize>,
    state: State,
}

/// What became of the body. Cheap to clone.
#[derive(Clone)]
pub(super) struct State {
    broken: Arc<Mutex<Option<Error>>>,
    stop: watch::Sender<bool>,
}

impl State {
    /// Why the body did not come whole, once.
    pub(super) fn take(&self) -> Option<Error> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Nothing more is wanted: whoever waits for it finds that it ended.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn broke(&self, error: Error) {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Begins to read. Each piece may take `idle`, all together as long as they like.
pub(super) fn start(body: Body, idle: Duration, limit: Option<usize>) -> (Upload, State) {
    let (to, pieces) = mpsc::channel(WAITING);
    let (stop, stopped) = watch::channel(false);
    let state = State { broken: Arc::default(), stop };
    tokio::spawn(pump(body, to, idle, state.clone(), stopped));
    let left = limit.map_or(u64::MAX, |limit| limit as u64);
    let upload =
        Upload { pieces, current: Bytes::new(), ended: false, left, limit, state: state.clone() };
    (upload, state)
}

async fn pump(
    mut body: Body,
    to: mpsc::Sender<Piece>,
    idle: Duration,
    state: State,
    mut stopped: watch::Receiver<bool>,
) {
    let pump = async {
        loop {
            // The time that others need to take it is not the client's.
            let Ok(room) = to.reserve().await else { return };
            match timeout(idle, body.frame()).await {
                Err(_) => return state.broke(Error::SlowBody { seconds: idle.as_secs() }),
                Ok(None) => return room.send(Piece::End),
                Ok(Some(Err(error))) => return state.broke(Error::BrokenBody(error.to_string())),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        room.send(Piece::Data(data));
                    }
                }
            }
        }
    };
    tokio::select! {
        () = pump => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = to.closed() => {}
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Data(data)) => self.current = data,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::other("it did not arrive whole")),
            }
            self.left = self.left.checked_sub(self.current.len() as u64).ok_or_else(|| {
                let limit = self.limit.unwrap_or(usize::MAX);
                self.state.broke(Error::TooLarge { limit });
                io::Error::other("it is too large")
            })?;
        }
        let read = self.current.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.current.split_to(read));
        Ok(read)
    }
}
