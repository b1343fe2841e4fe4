//! A connection from its arrival on: plain, or with TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::places::Place;
use super::tls::Acceptor;

/// A connection that was accepted and may have a handshake before it.
pub struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) is_near: bool,
    pub(super) place: Place,
    pub(super) tls: Option<(Acceptor, watch::Receiver<bool>)>,
}

impl Arrival {
    /// Whether nobody but the machine itself can be behind it: the peer and the address that it
    /// reached are loopbacks.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.is_near
    }

    /// The connection when bytes of its protocol can come. None if there is no agreement on
    /// TLS, not in time, or not before the server stops.
    pub async fn open(self) -> Option<Stream> {
        let Self { stream, place, tls, .. } = self;
        let Some((acceptor, mut stop)) = tls else {
            return Some(Stream::new(Io::Plain(stream), place));
        };
        let agreed = tokio::select! {
            agreed = acceptor.accept(stream) => agreed,
            _ = stop.wait_for(|stop| *stop) => return None,
        };
        match agreed {
            Ok(stream) => Some(Stream::new(Io::Tls(Box::new(stream)), place)),
            Err(error) => {
                // Whoever speaks something else is no trouble of the server's.
                tracing::debug!(error = %error, "no agreement on TLS");
                None
            }
        }
    }
}

/// A connection.
pub struct Stream {
    io: Io,
    stall: Stall,
    written: Arc<AtomicU64>,
    _place: Place,
}

impl Stream {
    fn new(io: Io, place: Place) -> Self {
        Self { io, stall: Stall::new(UNREAD), written: Arc::default(), _place: place }
    }

    /// Bytes that were written so far.
    #[must_use]
    pub fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    fn count(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.stall.watch(written, context)
    }
}

/// A peer that takes nothing of what it is told for so long has gone, or wants to hold its place.
/// Whoever reads a long answer may pause for less.
const UNREAD: Duration = Duration::from_mins(2);

/// Ends waits to write that are too long. As long as nobody waits there is no timer.
struct Stall {
    wait: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn new(wait: Duration) -> Self {
        Self { wait, timer: None }
    }

    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.wait)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.io {
            Io::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Io::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        either!(this, poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = either!(this, poll_write(context, bytes));
        this.count(written, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let written = either!(this, poll_flush(context));
        this.stall.watch(written, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let written = either!(this, poll_shutdown(context));
        this.stall.watch(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = either!(this, poll_write_vectored(context, pieces));
        this.count(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::metrics::Registry;
    use crate::sockets::Metrics;

    /// A connection that waits so long to write, and its peer.
    async fn connected(wait: Duration) -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let places = Metrics::new(&Registry::new()).places("http", 1);
        let mut stream = Stream::new(Io::Plain(stream), places.take(address.ip()).unwrap());
        stream.stall = Stall::new(wait);
        (stream, peer)
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    /// More than sockets hold.
    const MUCH: usize = 32 << 20;

    #[test]
    fn a_peer_that_reads_nothing_is_given_up() {
        block_on(async {
            let (mut stream, _peer) = connected(Duration::from_millis(50)).await;
            let error = stream.write_all(&vec![0; MUCH]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }

    #[test]
    fn a_peer_that_reads_with_pauses_gets_everything() {
        block_on(async {
            // Shorter than the whole takes.
            let (mut stream, mut peer) = connected(Duration::from_millis(500)).await;
            let reader = tokio::spawn(async move {
                let (mut read, mut piece) = (0, vec![0; 1 << 20]);
                while read < MUCH {
                    sleep(Duration::from_millis(50)).await;
                    read += peer.read(&mut piece).await.unwrap();
                }
            });
            stream.write_all(&vec![0; MUCH]).await.unwrap();
            reader.await.unwrap();
        });
    }
}
