//! The threads that do the I/O of connections.
//!
//! Each has a runtime of its own, and a connection stays with the thread that it was given
//! to. A runtime that moves tasks between threads makes short requests wait for the wake-up
//! of another core, and every timer and queue is shared; with as many connections as a
//! server has, they are spread evenly enough without that.

use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Ends the threads when dropped: what runs there is given up.
pub struct IoThreads {
    threads: Vec<IoThread>,
}

struct IoThread {
    runtime: Handle,
    _stop: oneshot::Sender<()>,
}

/// Long pieces of work (decoding of large bodies, compression) that one I/O thread has under
/// way at a time; more would only take turns.
const BLOCKING_THREADS: usize = 2;

impl IoThreads {
    /// # Errors
    /// If the system refuses a thread, or what a runtime needs.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        (0..threads.max(1))
            .map(IoThread::start)
            .collect::<Result<_, _>>()
            .map(|threads| Self { threads })
    }

    /// Where connections are served, to be used in turns.
    pub(super) fn runtimes(&self) -> Vec<Handle> {
        self.threads.iter().map(|thread| thread.runtime.clone()).collect()
    }
}

impl IoThread {
    fn start(index: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name(format!("io-{index}-work"))
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new().name(format!("io-{index}")).spawn(move || {
            // An error says that the sender is gone.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _stop: stop })
    }
}
