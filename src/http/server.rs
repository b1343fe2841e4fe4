//! Serves connections and ends them gracefully.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::Service as _;

use super::deadline::Deadlines;
use super::log::Watched;
use super::{Config, Routers};
use crate::sockets::{Arrival, Listener};
use crate::telemetry::Telemetry;

/// Serves until `stop` becomes true, then stops accepting and gives the requests under way
/// `drain` time to end. Returns whether all of them did.
pub async fn serve(
    listener: Listener,
    routers: Routers,
    config: &Config,
    stop: watch::Receiver<bool>,
    drain: Duration,
) -> bool {
    let connections = GracefulShutdown::new();
    let take = |arrival: Arrival| {
        let router = routers.behind(arrival.is_near());
        spawn(config, arrival, (router, routers.telemetry()), &connections);
    };
    listener.accept(stop, take).await;
    timeout(drain, connections.shutdown()).await.is_ok()
}

/// Bytes of a head. hyper allows 100 headers by itself, and would read a head as far as its
/// buffer goes, which must be larger for the sake of bodies.
const MAX_HEAD: usize = 16 << 10;

fn spawn(
    config: &Config,
    arrival: Arrival,
    (router, telemetry): (&Router, &Telemetry),
    all: &GracefulShutdown,
) {
    // One for each connection: clones of a router share a count that all cores would write.
    let router = RefCell::new(router.clone());
    let telemetry = telemetry.clone();
    let service = service_fn(move |mut request| {
        // Outside of the router, so that every answer carries an id and every failure is logged.
        let watched = Watched::start(&telemetry, &mut request);
        let answer = router.borrow_mut().call(request);
        async {
            let mut response = answer.await?;
            watched.end(&mut response);
            Ok::<_, Infallible>(response)
        }
    });
    let read_timeout = config.read_timeout;
    let watcher = all.watcher();
    tokio::spawn(async move {
        let Some(stream) = arrival.open().await else { return };
        let deadlines = Deadlines::new(read_timeout);
        let mut http = http1::Builder::new();
        http.timer(deadlines.clone()).header_read_timeout(read_timeout).max_header_size(MAX_HEAD);
        let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
        if let Err(error) = deadlines.during(connection).await {
            // A client that breaks off is its own business.
            tracing::debug!(error = %error, "a connection ended early");
        }
    });
}
