//! Sockets that are bound before anything is served on them, the loop that accepts, and TLS.

mod places;
mod stream;
pub mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

pub use places::{Metrics, Places};
pub use stream::{Arrival, Stream};

/// A bound socket that does not accept yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// Whether only this machine can reach it. Where others can as well, peers on this machine
    /// may be proxies and sidecars that forward what comes from them.
    is_near: bool,
    places: Places,
    tls: Option<tls::Acceptor>,
}

/// Whether this is the machine itself. A socket of IPv6 gives addresses of IPv4 in disguise.
#[must_use]
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// After a failed accept (no file descriptors left, say) the loop pauses this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Listener {
    /// # Errors
    /// If the address cannot be bound, for example because it is in use.
    pub async fn bind(
        address: SocketAddr,
        places: Places,
        tls: Option<tls::Acceptor>,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let is_near = is_loopback(address.ip());
        Ok(Self { socket, address, is_near, places, tls })
    }

    /// The address with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands every connection to `take`, until `stop` becomes true; then the socket closes.
    /// A connection for which there is no place is closed at once.
    pub async fn accept(self, stop: watch::Receiver<bool>, mut take: impl FnMut(Arrival)) {
        let mut stopped = stop.clone();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let Some(place) = self.places.take(peer.ip()) else { continue };
                        // Answers are written whole; waiting to fill a packet only delays them.
                        // A socket that refuses the option still works.
                        let _ = stream.set_nodelay(true);
                        let tls = self.tls.as_ref().map(|tls| (tls.clone(), stop.clone()));
                        let is_near = self.is_near && is_loopback(peer.ip());
                        take(Arrival { stream, is_near, place, tls });
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                // An error means that the sender is gone: the program is ending.
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
    }
}

/// Lets the process have as many files and connections open as it may allow itself: the limit
/// that it starts with is one for programs of long ago. Gives the limit.
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it cannot be raised it stays.
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(error = %error, "the limit of open files stays");
        return limit.current.unwrap_or(u64::MAX);
    }
    limit.maximum.unwrap_or(u64::MAX)
}
