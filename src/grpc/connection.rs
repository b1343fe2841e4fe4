//! One connection, from its first call to its graceful end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::sleep;
use tonic::body::Body;

use super::beside::Together;
use crate::sockets::Stream;

/// Resolves when the server accepts no more calls.
pub(super) type Stopped = dyn Future<Output = ()> + Send;

/// Tells when the server accepts no more calls.
#[derive(Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

impl Stop {
    pub(super) async fn stopped(mut self) {
        // An error means that the sender is gone: the program is ending.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Calls of a connection that were let in: those that there were, and those under way.
#[derive(Default)]
pub(super) struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Calls with an answer of which the caller takes nothing yet.
    unread: AtomicU64,
}

/// A call under way.
pub(super) struct Active {
    calls: Arc<Calls>,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Computed,
    /// Its answer is there.
    Answered,
    /// Its answer goes on until one of both ends it.
    Stream,
    /// It was not let in.
    Refused,
}

impl Active {
    pub(super) fn begin(calls: &Arc<Calls>) -> Self {
        calls.begun.fetch_add(1, Ordering::Relaxed);
        Self { calls: Arc::clone(calls), stage: Stage::Computed }
    }

    /// It may say nothing for long.
    pub(super) fn is_stream(&mut self) {
        self.stage = Stage::Stream;
    }

    /// It does not count: who is not let in must not keep a connection by asking.
    pub(super) fn refused(mut self) {
        self.stage = Stage::Refused;
    }

    /// All that is left to do is the caller's.
    pub(super) fn is_answered(&mut self) {
        if self.stage == Stage::Computed {
            self.stage = Stage::Answered;
            self.calls.unread.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        match self.stage {
            Stage::Answered => _ = self.calls.unread.fetch_sub(1, Ordering::Relaxed),
            Stage::Refused => {
                self.calls.begun.fetch_sub(1, Ordering::Release);
                return;
            }
            Stage::Computed | Stage::Stream => {}
        }
        self.calls.ended.fetch_add(1, Ordering::Release);
    }
}

impl Calls {
    fn none_yet(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    /// For the connection, that is: the last answers may lie in its buffers.
    fn all_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) >= self.begun.load(Ordering::Relaxed)
    }

    /// Resolves when the connection only holds its place: no call comes in the time to `wait`, or
    /// later none is under way, or its answer is not taken, for `idle`.
    async fn are_over(&self, wait: Duration, idle: Duration, written: &AtomicU64) -> Over {
        sleep(wait).await;
        if self.none_yet() {
            return Over::Idle;
        }
        let seen = || (self.begun.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
        loop {
            let before = seen();
            sleep(idle).await;
            let now = seen();
            if now.0 != before.0 || now.1 > before.1 + SMALL_TALK {
                continue;
            }
            if self.unread.load(Ordering::Relaxed) > 0 {
                return Over::Unread;
            }
            if self.all_ended() {
                return Over::Idle;
            }
        }
    }
}

/// Why a connection only holds its place.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    Idle,
    /// Answers are there that nobody takes.
    Unread,
}

/// Bytes that both sides exchange in [`IDLE`] to see whether anybody is there.
const SMALL_TALK: u64 = 4096;

/// A connection of which nothing is seen for so long is asked to end; its client opens another
/// one with its next call.
const IDLE: Duration = Duration::from_mins(2);

/// Calls of one connection at the same time.
const MAX_STREAMS: u32 = 256;

/// Bytes that a caller may send before they are read, of one call and of all: they cost a
/// connection memory, and too few cost large messages time.
const CALL_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A silent connection is asked this often whether anybody is there.
const PING: Duration = Duration::from_mins(1);

/// The time for a peer to see that the connection ends, or to take more of what it is told.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a connection until it ends, or the server stops and its calls have ended. `wait` is the
/// time until its first call.
pub(super) async fn run<F>(
    stream: Stream,
    stop: Stop,
    wait: Duration,
    calls: Arc<Calls>,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    // An async block would take its memory twice, and each call is moved.
    let service = service_fn(|request| answer(request).map(Ok::<_, Infallible>));
    let written = stream.written();
    let mut connection = Together::new(|beside| {
        let mut http = http2::Builder::new(beside);
        http.timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(wait)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(CALL_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        Box::pin(http.serve_connection(TokioIo::new(stream), service))
    });
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.stopped() => None,
        over = calls.are_over(wait, IDLE, &written) => match over {
            Over::Idle => None,
            Over::Unread => return,
        },
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.connection.as_mut().graceful_shutdown();
        loop {
            let before = written.load(Ordering::Relaxed);
            // A peer that never says anything must not hold up the end of the server. One that
            // still takes an answer from the connection's buffers must get it.
            tokio::select! {
                ended = &mut connection => break ended,
                () = sleep(FAREWELL) => {
                    if calls.all_ended() && written.load(Ordering::Relaxed) == before {
                        return;
                    }
                }
            }
        }
    };
    if let Err(error) = ended {
        // A client that breaks off is its own business.
        tracing::debug!(error = %error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const WAIT: Duration = Duration::from_millis(50);
    const IDLE: Duration = Duration::from_millis(200);

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn a_connection_without_calls_ends_and_later_after_its_last_call() {
        block_on(async {
            let (calls, written) = (Arc::new(Calls::default()), AtomicU64::new(0));
            Active::begin(&calls).refused();
            assert_eq!(calls.are_over(WAIT, Duration::MAX / 4, &written).await, Over::Idle);
            let start = Instant::now();
            drop(Active::begin(&calls));
            assert_eq!(calls.are_over(WAIT, IDLE, &written).await, Over::Idle);
            assert!(start.elapsed() >= WAIT + IDLE);
        });
    }

    #[test]
    fn long_calls_streams_and_slow_readers_do_not_end_it_and_answers_that_nobody_takes_do() {
        block_on(async {
            let (calls, written) = (Arc::new(Calls::default()), AtomicU64::new(0));
            let mut stream = Active::begin(&calls);
            stream.is_stream();
            stream.is_answered();
            let mut long = Active::begin(&calls);
            assert!(timeout(3 * IDLE, calls.are_over(WAIT, IDLE, &written)).await.is_err());
            long.is_answered();
            let slow = async {
                loop {
                    sleep(IDLE / 8).await;
                    written.fetch_add(2 * SMALL_TALK, Ordering::Relaxed);
                }
            };
            tokio::select! {
                over = calls.are_over(WAIT, IDLE, &written) => panic!("{over:?}"),
                () = slow => {}
                () = sleep(3 * IDLE) => {}
            }
            // Pings are written to anybody.
            let pings = async {
                loop {
                    sleep(IDLE / 8).await;
                    written.fetch_add(17, Ordering::Relaxed);
                }
            };
            let over = tokio::select! {
                over = calls.are_over(WAIT, IDLE, &written) => over,
                () = pings => unreachable!(),
            };
            assert_eq!(over, Over::Unread);
            drop(long);
            assert!(timeout(3 * IDLE, calls.are_over(WAIT, IDLE, &written)).await.is_err());
            drop(stream);
            assert_eq!(calls.are_over(WAIT, IDLE, &written).await, Over::Idle);
        });
    }
}
