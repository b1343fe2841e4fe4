//! One connection of an open loop: the sender writes to it, a task reads from it.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

pub(super) struct Connection {
    stream: TcpStream,
    state: Mutex<State>,
}

enum State {
    Idle,
    Asked(Asked),
    /// A server closes what is idle for long.
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
    pub(super) fn new(stream: TcpStream, asked: Option<Asked>) -> Self {
        let state = asked.map_or(State::Idle, State::Asked);
        Self { stream, state: Mutex::new(state) }
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

    /// Nothing is asked here any more. Whether a question is left without an answer.
    pub(super) fn give_up(&self) -> bool {
        matches!(std::mem::replace(&mut *self.lock(), State::Gone), State::Asked(_))
    }

    /// Writes a request from another thread than the reader's. An idle connection's buffers
    /// are empty and take small requests at once; for large ones the server must read a
    /// little first.
    pub(super) fn ask(&self, mut request: &[u8]) -> io::Result<()> {
        let give_up = Instant::now() + Duration::from_millis(100);
        while !request.is_empty() {
            match self.stream.try_write(request) {
                Ok(written) => request = &request[written..],
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

    /// The same from the reader's thread, which must not sleep.
    pub(super) async fn ask_first(&self, mut request: &[u8]) -> io::Result<()> {
        while !request.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(request) {
                Ok(written) => request = &request[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends what has come; `false` at the end of the connection.
    pub(super) async fn read(&self, buffer: &mut Vec<u8>) -> bool {
        loop {
            if self.stream.readable().await.is_err() {
                return false;
            }
            match self.stream.try_read_buf(buffer) {
                Ok(read) => return read > 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
