//! One connection of an open loop: the sender writes to it, a task reads from it.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) struct Connection {
    stream: TcpStream,
    state: Mutex<State>,
}

enum State {
    Idle,
    Asked(Asked),
    /// Its reader has ended: a server closes what is idle for long.
    Gone,
}

/// A question under way.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) due: Instant,
    pub(super) question: usize,
    pub(super) phase: usize,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: Mutex::new(State::Idle) }
    }

    /// Takes the connection for a question; `false` if it is gone.
    pub(super) fn reserve(&self, asked: Asked) -> bool {
        let mut state = self.lock();
        let is_idle = matches!(*state, State::Idle);
        if is_idle {
            *state = State::Asked(asked);
        }
        is_idle
    }

    /// The question that an answer belongs to.
    pub(super) fn answered(&self) -> Option<Asked> {
        match std::mem::replace(&mut *self.lock(), State::Idle) {
            State::Asked(asked) => Some(asked),
            State::Idle | State::Gone => None,
        }
    }

    /// Its reader ends. Whether a question is left without an answer.
    pub(super) fn is_gone(&self) -> bool {
        matches!(std::mem::replace(&mut *self.lock(), State::Gone), State::Asked(_))
    }

    /// Writes the whole request. If that fails the reader ends, too, and counts it.
    pub(super) fn ask(&self, request: &[u8]) {
        if self.write(request).is_err() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }

    /// An idle connection's buffers are empty and take small requests at once; for large
    /// ones the server must read a little first.
    fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let give_up = Instant::now() + Duration::from_millis(100);
        while !bytes.is_empty() {
            match (&self.stream).write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up =>
                {
                    sleep(Duration::from_micros(20));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
