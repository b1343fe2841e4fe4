//! The threads that do the I/O of connections.
//!
//! Each has a runtime of its own, and a connection stays with the thread that it was given
//! to. A runtime that moves tasks between threads makes short requests wait for the wake-up
//! of another core, and every timer and queue is shared; with as many connections as a
//! server has, they are spread evenly enough without that.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Ends the threads when dropped: what runs there is given up.
pub struct IoThreads {
    places: Vec<Place>,
    _stop: Vec<oneshot::Sender<()>>,
}

/// Where connections are served.
pub(super) struct Place {
    runtime: Handle,
    /// Held once by each connection that is open, and here.
    open: Arc<()>,
}

/// Long pieces of work (decoding of large bodies, compression) that one I/O thread has under
/// way at a time; more would only take turns.
const BLOCKING_THREADS: usize = 2;

impl IoThreads {
    /// # Errors
    /// If the system refuses a thread, or what a runtime needs.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let started = (0..threads.max(1)).map(start).collect::<Result<Vec<_>, _>>()?;
        let (places, stop) = started.into_iter().unzip();
        Ok(Self { places, _stop: stop })
    }

    /// The one with the fewest connections.
    pub(super) fn quietest(&self) -> Option<&Place> {
        self.places.iter().min_by_key(|place| Arc::strong_count(&place.open))
    }
}

fn start(index: usize) -> std::io::Result<(Place, oneshot::Sender<()>)> {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name(format!("io-{index}-work"))
        .enable_all()
        .build()?;
    let place = Place::at(runtime.handle().clone());
    let (stop, stopped) = oneshot::channel();
    thread::Builder::new().name(format!("io-{index}")).spawn(move || {
        // An error says that the sender is gone.
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    })?;
    Ok((place, stop))
}

impl Place {
    pub(super) fn at(runtime: Handle) -> Self {
        Self { runtime, open: Arc::default() }
    }

    /// Serves a connection to its end.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let open = Arc::clone(&self.open);
        self.runtime.spawn(async move {
            connection.await;
            drop(open);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::{Duration, Instant};

    use super::*;

    fn open(threads: &IoThreads) -> Vec<usize> {
        threads.places.iter().map(|place| Arc::strong_count(&place.open) - 1).collect()
    }

    #[test]
    fn a_connection_goes_where_the_fewest_are_open() {
        let threads = IoThreads::start(3).unwrap();
        let (end, ended) = oneshot::channel::<()>();
        threads.places[1].spawn(async {
            let _ = ended.await;
        });
        for _ in 0..5 {
            threads.quietest().unwrap().spawn(pending());
        }
        assert_eq!(open(&threads), [2, 2, 2]);
        drop(end);
        let started = Instant::now();
        while open(&threads) != [2, 1, 2] {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::yield_now();
        }
        threads.quietest().unwrap().spawn(pending());
        assert_eq!(open(&threads), [2, 2, 2]);
    }
}
