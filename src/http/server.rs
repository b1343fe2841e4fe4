//! Accepts connections and ends them gracefully.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::Service as _;

use super::Config;
use super::deadline::Deadlines;
use super::log::Watched;

/// A bound socket that does not accept yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
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
}

/// After a failed accept (no file descriptors left, say) the loop pauses this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` becomes true, then stops accepting and gives the requests under way
/// `drain` time to end. Returns whether all of them did.
pub async fn serve(
    server: Server,
    router: Router,
    config: &Config,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) -> bool {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = server.listener.accept() => match accepted {
                Ok((stream, _)) => spawn(config, stream, &router, &connections),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            // An error means that the sender is gone: the program is ending.
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    drop(server.listener);
    timeout(drain, connections.shutdown()).await.is_ok()
}

fn spawn(config: &Config, stream: TcpStream, router: &Router, all: &GracefulShutdown) {
    // Answers are written whole; waiting to fill a packet only delays them. A socket that
    // refuses the option still works.
    let _ = stream.set_nodelay(true);
    // One for each connection: clones of a router share a count that all cores would write.
    let router = RefCell::new(router.clone());
    let service = service_fn(move |request| {
        // Outside of the router, so that every answer carries an id and every failure is logged.
        let watched = Watched::start(&request);
        let answer = router.borrow_mut().call(request);
        async {
            let mut response = answer.await?;
            watched.end(&mut response);
            Ok::<_, Infallible>(response)
        }
    });
    let deadlines = Deadlines::new(config.read_timeout);
    let mut http = http1::Builder::new();
    http.timer(deadlines.clone()).header_read_timeout(config.read_timeout);
    let connection = all.watch(http.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        if let Err(error) = deadlines.during(connection).await {
            // A client that breaks off is its own business.
            tracing::debug!(error = %error, "a connection ended early");
        }
    });
}
