//! A connection from its arrival on: plain, or with TLS.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use super::places::Place;
use super::tls::Acceptor;

/// A connection that was accepted and may have a handshake before it.
pub struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: IpAddr,
    pub(super) place: Place,
    pub(super) tls: Option<(Acceptor, watch::Receiver<bool>)>,
}

impl Arrival {
    #[must_use]
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    /// The connection when bytes of its protocol can come. None if there is no agreement on
    /// TLS, not in time, or not before the server stops.
    pub async fn open(self) -> Option<Stream> {
        let Self { stream, place, tls, .. } = self;
        let Some((acceptor, mut stop)) = tls else {
            return Some(Stream { io: Io::Plain(stream), _place: place });
        };
        let agreed = tokio::select! {
            agreed = acceptor.accept(stream) => agreed,
            _ = stop.wait_for(|stop| *stop) => return None,
        };
        match agreed {
            Ok(stream) => Some(Stream { io: Io::Tls(Box::new(stream)), _place: place }),
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
    _place: Place,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.get_mut().io {
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
        either!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
