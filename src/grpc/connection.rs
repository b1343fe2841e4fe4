//! One connection, from its first call to its graceful end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::sleep;
use tonic::body::Body;

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

/// Calls of a connection: those that there were, and those under way.
#[derive(Default)]
pub(super) struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A call under way.
pub(super) struct Active(Arc<Calls>);

impl Active {
    pub(super) fn begin(calls: &Arc<Calls>) -> Self {
        calls.begun.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(calls))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}

impl Calls {
    fn none_yet(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    fn all_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) >= self.begun.load(Ordering::Relaxed)
    }
}

/// Calls of one connection at the same time.
const MAX_STREAMS: u32 = 256;

/// Bytes that a caller may send before they are read, of one call and of all: they cost a
/// connection memory, and too few cost large messages time.
const CALL_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A silent connection is asked this often whether anybody is there.
const PING: Duration = Duration::from_mins(1);

/// The time for a peer to see that the connection ends.
const FAREWELL: Duration = Duration::from_millis(250);

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
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(wait)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let idle = async {
        sleep(wait).await;
        if !calls.none_yet() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.stopped() => None,
        () = idle => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        loop {
            // A peer that never says anything must not hold up the end of the server.
            tokio::select! {
                ended = connection.as_mut() => break ended,
                () = sleep(FAREWELL) => if calls.all_ended() { return },
            }
        }
    };
    if let Err(error) = ended {
        // A client that breaks off is its own business.
        tracing::debug!(error = %error, "a connection ended early");
    }
}
