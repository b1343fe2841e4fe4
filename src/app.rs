//! The only place where the parts are wired together, and the order in which the server
//! goes down: not ready, stop accepting, drain, end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::access::{self, Access};
use crate::config::Config;
use crate::describe::Readiness;
use crate::drift::{Monitors, Ticker};
use crate::engine::guard;
use crate::engine::tract::TractEngine;
use crate::grpc;
use crate::history::{History, Sampler};
use crate::http::{self, Api};
use crate::jobs::Jobs;
use crate::metrics;
use crate::predict::Predictor;
use crate::quality::{Board, Key};
use crate::registry::{self, Owner, Parts};
use crate::repository::{self, Repository};
use crate::scheduler::Scheduler;
use crate::sockets::tls::{For, Tls};
use crate::sockets::{self, Listener, raise_file_limit};
use crate::telemetry::{Flush, Telemetry};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Repository(#[from] repository::Error),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: std::io::Error },
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    #[error("{0}")]
    Registry(String),
    #[error("{0}")]
    Jobs(String),
    #[error("{0}")]
    Telemetry(String),
    #[error("the feedback key cannot be used: {0}")]
    Key(String),
    /// Every mistake in files of keys and certificates.
    #[error("{}", .0.join("\n"))]
    Doors(Vec<String>),
}

/// A server whose sockets are bound and whose models are loading.
pub struct App {
    config: Config,
    server: Listener,
    metrics_server: Option<Listener>,
    grpc: Option<(Listener, grpc::Api)>,
    api: Api,
    access: Access,
    readiness: Readiness,
    owner: Owner,
    ticker: Ticker,
    sampler: Sampler,
    jobs: Option<Jobs>,
    flush: Flush,
}

/// Binds the sockets and starts to load models.
///
/// # Errors
/// [`Error`] if an address is taken, the models' path cannot be read, or threads are
/// refused.
pub async fn build(config: Config) -> Result<App, Error> {
    let metrics = metrics::Registry::new();
    let (access, tls) = doors(&config, &metrics)?;
    let places = Places::of(&config, raise_file_limit());
    let listeners = Listeners { metrics: sockets::Metrics::new(&metrics), tls, config: &config };
    let server = listeners.bind("http", places.http, For::Http, config.http_address).await?;
    let metrics_server = match config.metrics_address {
        Some(address) => {
            Some(listeners.bind("metrics", places.metrics, For::Metrics, address).await?)
        }
        None => None,
    };
    let grpc_server = match config.grpc_address {
        Some(address) => Some(listeners.bind("grpc", places.grpc, For::Grpc, address).await?),
        None => None,
    };
    guard::install_hook();
    build_info(&metrics);
    let (telemetry, flush) =
        Telemetry::start(&config.following, &metrics).map_err(Error::Telemetry)?;
    let registry_metrics = registry::Metrics::new(&metrics);
    let counts = config.registry.state_dir.as_ref().map(|state| state.join("drift"));
    let monitors = Monitors::new(&metrics, counts, config.jobs.is_on());
    let board = Board::new(key(&config)?, &metrics, monitors.bins());
    let parts = Parts {
        repository: Repository::open(config.repository.clone())?,
        engine: Arc::new(TractEngine::new(config.engine.clone())),
        scheduler: Arc::new(Scheduler::start(config.scheduler).map_err(Error::Thread)?),
        metrics: registry_metrics.clone(),
        monitors: monitors.clone(),
        board: board.clone(),
    };
    let ticker = monitors.start().map_err(Error::Thread)?;
    let (owner, registry) =
        Owner::start(config.registry.clone(), parts).map_err(Error::Registry)?;
    let (history, sampler) = History::start(registry.clone()).map_err(Error::Thread)?;
    let readiness = Readiness::default();
    let predictor = Predictor::new(registry, registry_metrics, config.predict);
    let jobs = config.jobs.is_on().then(|| Jobs::start(&config.jobs, predictor.clone(), &metrics));
    let jobs = jobs.transpose().map_err(Error::Jobs)?;
    let grpc = grpc_server.map(|server| {
        let readiness = readiness.clone();
        let (predictor, board) = (predictor.clone(), board.clone());
        (server, grpc::Api::new(config.grpc, predictor, readiness, board, telemetry.clone()))
    });
    let watching = (monitors, board, history);
    let api = Api::new(
        config.http.clone(),
        predictor,
        readiness.clone(),
        metrics,
        watching,
        jobs.clone(),
        telemetry,
    );
    Ok(App {
        config,
        server,
        metrics_server,
        grpc,
        api,
        access,
        readiness,
        owner,
        ticker,
        sampler,
        jobs,
        flush,
    })
}

/// The key that signs tokens: that of the file, or one that only this process has.
fn key(config: &Config) -> Result<Key, Error> {
    const LEAST_BYTES: usize = 16;
    let Some(file) = &config.feedback_key else {
        return Key::random().ok_or_else(|| Error::Key("the system gives no random bytes".into()));
    };
    let name = file.display();
    let secret = std::fs::read(file).map_err(|error| Error::Key(format!("{name}: {error}")))?;
    let secret = secret.trim_ascii();
    if secret.len() < LEAST_BYTES {
        let found = secret.len();
        let message = format!("{name} holds {found} bytes, expected at least {LEAST_BYTES}");
        return Err(Error::Key(message));
    }
    Ok(Key::new(secret))
}

/// Who may come in, and how they speak. Mistakes in all files are told together.
fn doors(config: &Config, metrics: &metrics::Registry) -> Result<(Access, Option<Tls>), Error> {
    let access = Access::new(&config.access, access::Metrics::new(metrics));
    let tls = config.tls.clone().map(Tls::new).transpose();
    match (access, tls) {
        (Ok(access), Ok(tls)) => Ok((access, tls)),
        (access, tls) => {
            let mut mistakes = access.err().unwrap_or_default();
            mistakes.extend(tls.err());
            Err(Error::Doors(mistakes))
        }
    }
}

/// Connections that each listener may have.
#[derive(Debug, PartialEq, Eq)]
struct Places {
    http: usize,
    grpc: usize,
    metrics: usize,
}

impl Places {
    /// What settings say, or what open files allow.
    fn of(config: &Config, files: u64) -> Self {
        let max = config.max_connections;
        let (grpc, metrics) = (config.grpc_address, config.metrics_address);
        let places = Self::shared(max, (grpc.is_some(), metrics.is_some()), files);
        let Self { http, grpc, metrics } = places;
        if http < max || (config.grpc_address.is_some() && grpc < max) {
            tracing::info!(
                max_connections = max,
                open_files = files,
                http,
                grpc,
                metrics,
                "fewer connections than max-connections: as many as open files allow"
            );
        }
        places
    }

    /// Files are kept for models, jobs and connections to others; where connections used them
    /// up, the server could not even refuse any more. Scrapers and probes are few, and a
    /// connection of gRPC brings many calls.
    fn shared(max: usize, (has_grpc, has_metrics): (bool, bool), files: u64) -> Self {
        const KEPT: u64 = 1024;
        const SCRAPERS: usize = 512;
        let free = usize::try_from(files - KEPT.min(files / 4)).unwrap_or(usize::MAX);
        let metrics = if has_metrics { SCRAPERS.min(free / 8).min(max) } else { 0 };
        let free = free - metrics;
        let http = max.min(if has_grpc { free - free / 4 } else { free });
        let grpc = if has_grpc { max.min(free - http) } else { 0 };
        Self { http, grpc, metrics }
    }
}

/// Time for traces and payloads of the last requests to be sent.
const FLUSH: Duration = Duration::from_secs(5);

/// What all sockets have in common.
struct Listeners<'a> {
    metrics: sockets::Metrics,
    tls: Option<Tls>,
    config: &'a Config,
}

impl Listeners<'_> {
    async fn bind(
        &self,
        name: &str,
        places: usize,
        what: For,
        address: SocketAddr,
    ) -> Result<Listener, Error> {
        let places = self.metrics.places(name, places);
        let wait = self.config.http.read_timeout;
        let tls = self.tls.as_ref().map(|tls| tls.acceptor(what, wait));
        let bound = Listener::bind(address, places, tls).await;
        bound.map_err(|reason| Error::Listen { address, reason })
    }
}

fn build_info(metrics: &metrics::Registry) {
    let info = metrics.gauge("onnxd_build_info", "1; the version that runs.", &["version"]);
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
}

impl App {
    /// Serves until `stop` resolves, then goes down gracefully. Returns whether every
    /// request that was under way has ended.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let Self { config, server, metrics_server, grpc, api, .. } = self;
        let Self { access, readiness, owner, ticker, sampler, jobs, flush, .. } = self;
        tracing::info!(
            http.addr = %server.address(),
            grpc.addr = grpc.as_ref().map(|(server, _)| server.address().to_string()),
            metrics.addr = metrics_server.as_ref().map(|s| s.address().to_string()),
            tls = config.tls.is_some(),
            keys = config.access.keys.is_some(),
            version = env!("CARGO_PKG_VERSION"),
            "listening"
        );
        let addresses = [Some(&server), grpc.as_ref().map(|(s, _)| s), metrics_server.as_ref()];
        let is_near = |server: &&Listener| sockets::is_loopback(server.address().ip());
        let is_plain = config.tls.is_none() && config.access.keys.is_some();
        if is_plain && !addresses.into_iter().flatten().all(|server| is_near(&server)) {
            tracing::warn!(
                "keys come in plain text, unless something before the server speaks TLS: set \
                 tls-cert and tls-key"
            );
        }
        let (stopping, stopped) = watch::channel(false);
        let drain = config.shutdown.drain;
        let going_down = async {
            stop.await;
            readiness.stop();
            tracing::info!("shutting down");
            sleep(config.shutdown.delay).await;
            // All servers hold a receiver until they have seen it.
            let _ = stopping.send(true);
            let Some(jobs) = &jobs else { return };
            jobs.stop();
            if timeout(drain, jobs.idle()).await.is_err() {
                tracing::warn!("a job did not stop in time; what it has done is kept");
            }
        };
        let routers = http::routers(&api, &access);
        let main = http::serve(server, routers, &config.http, stopped.clone(), drain);
        let grpc = async {
            match grpc {
                Some((server, api)) => {
                    grpc::serve(server, api, &access, stopped.clone(), drain).await
                }
                None => true,
            }
        };
        let metrics = async {
            match metrics_server {
                Some(server) => {
                    let routers = http::metrics_routers(&api, &access);
                    http::serve(server, routers, &config.http, stopped.clone(), drain).await
                }
                None => true,
            }
        };
        let ((), http, grpc, _) = tokio::join!(going_down, main, grpc, metrics);
        let drained = http && grpc;
        if !drained {
            tracing::warn!(seconds = drain.as_secs(), "requests were cut off at the deadline");
        }
        // Ends the registry's thread, and with it the workers.
        drop(owner);
        drop(sampler);
        // Saves what was counted.
        drop(ticker);
        flush.within(FLUSH).await;
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_share_the_open_files_that_connections_may_have() {
        let places = |max, others, files| {
            let Places { http, grpc, metrics } = Places::shared(max, others, files);
            (http, grpc, metrics)
        };
        assert_eq!(places(16_384, (true, true), 1 << 20), (16_384, 16_384, 512));
        assert_eq!(places(16_384, (true, true), 20_000), (13_848, 4616, 512));
        assert_eq!(places(16_384, (false, false), 20_000), (16_384, 0, 0));
        // What one does not need the other has.
        assert_eq!(places(10_000, (true, false), 20_000), (10_000, 8976, 0));
        assert_eq!(places(3, (true, true), 20_000), (3, 3, 3));
        assert_eq!(places(16_384, (true, true), 64), (32, 10, 6));
    }
}
