//! Threads that compile plans, away from those that serve.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::engine::guard;

type Job = Box<dyn FnOnce() + Send>;

/// Compilations that may wait. A sequence of ever new shapes fills this and is refused
/// from then on, instead of filling the memory.
const MAX_WAITING: usize = 32;

/// The compile threads are polite: serving threads come first.
const NICENESS: i32 = 10;

pub(super) struct Compiler {
    jobs: SyncSender<Job>,
}

/// The job was not accepted: too many are waiting.
#[derive(Debug)]
pub(super) struct Full;

impl Compiler {
    /// Starts the threads; they end when the last handle is dropped.
    pub(super) fn start(threads: usize) -> Self {
        let (jobs, queue) = sync_channel::<Job>(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            let started =
                thread::Builder::new().name(format!("compile-{index}")).spawn(move || work(&queue));
            if let Err(error) = started {
                tracing::error!(error = %error, "cannot start a compile thread");
            }
        }
        Self { jobs }
    }

    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.jobs.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Full,
        })
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    // On Linux this lowers the priority of this thread only. It may be forbidden; the
    // thread works all the same.
    let _ = rustix::process::nice(NICENESS);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // Compiling catches its own panics; should one slip by, the thread must live on.
            Ok(job) => {
                if let Err(caught) = guard::catch(job) {
                    tracing::error!(reason = caught.0, "a compile job panicked");
                }
            }
            Err(_) => return,
        }
    }
}
