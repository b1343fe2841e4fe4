//! Sockets that are bound before anything is served on them, and the loop that accepts.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// A bound socket that does not accept yet.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// After a failed accept (no file descriptors left, say) the loop pauses this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Listener {
    /// # Errors
    /// If the address cannot be bound, for example because it is in use.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands every connection to `take`, until `stop` becomes true; then the socket closes.
    pub async fn accept(self, mut stop: watch::Receiver<bool>, mut take: impl FnMut(TcpStream)) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Answers are written whole; waiting to fill a packet only delays them.
                        // A socket that refuses the option still works.
                        let _ = stream.set_nodelay(true);
                        take(stream);
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                // An error means that the sender is gone: the program is ending.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }
}
