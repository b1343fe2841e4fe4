//! All settings: read from flags, environment, file and defaults, in this order of
//! precedence; checked all at once; handed down as typed values.
//!
//! Only this module reads strings. A setting is one row of [`settings::ALL`], which is also
//! what `--help` prints.

mod doors;
mod link;
mod parse;
pub mod settings;
mod sources;
mod telling;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::repository::Source;
use crate::{
    access, engine, grpc, http, jobs, predict, registry, repository, scheduler, sockets, telemetry,
};

pub use sources::{Effective, Sources};

/// Everything the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub http_address: SocketAddr,
    /// An address of its own for `/metrics` and probes.
    pub metrics_address: Option<SocketAddr>,
    /// Where gRPC is served, if it is.
    pub grpc_address: Option<SocketAddr>,
    pub access: access::Config,
    pub tls: Option<sockets::tls::Files>,
    /// Of each address.
    pub max_connections: usize,
    pub http: http::Config,
    pub grpc: grpc::Config,
    pub registry: registry::Config,
    /// The file of the secret that signs tokens of predictions.
    pub feedback_key: Option<PathBuf>,
    pub predict: predict::Config,
    pub jobs: jobs::Config,
    pub repository: repository::Config,
    pub scheduler: scheduler::Config,
    pub engine: engine::tract::Config,
    pub telemetry: telemetry::Config,
    pub following: telemetry::Following,
    pub io_threads: usize,
    pub shutdown: Shutdown,
}

/// How the server goes down.
#[derive(Debug, Clone, Copy)]
pub struct Shutdown {
    /// Time between "not ready" and the end of accepting, so that load balancers notice.
    pub delay: Duration,
    /// Time for requests under way to end.
    pub drain: Duration,
}

/// Every mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Errors(pub Vec<String>);

impl Config {
    /// Reads all settings.
    ///
    /// # Errors
    /// [`Errors`] with every mistake, not only the first.
    pub fn read(sources: &Sources) -> Result<Self, Errors> {
        let mut read = parse::Read::new(sources);
        let poll = read.get(&settings::POLL, parse::duration_or_off);
        let settle = poll.flatten().unwrap_or(MAX_SETTLE).min(MAX_SETTLE);
        let source = read.value(&settings::MODELS, Source::parse);
        let mut config = Self {
            http_address: read.http_address(),
            metrics_address: read.optional(&settings::METRICS_ADDR, parse::address),
            grpc_address: read.optional(&settings::GRPC_ADDR, parse::address),
            access: read.access(),
            tls: read.tls(),
            max_connections: read.value(&settings::MAX_CONNECTIONS, parse::positive),
            grpc: grpc::Config {
                max_body: read.value(&settings::MAX_BODY, parse::bytes),
                read_timeout: read.value(&settings::READ_TIMEOUT, parse::positive_duration),
            },
            http: http::Config {
                max_body: read.value(&settings::MAX_BODY, parse::bytes),
                read_timeout: read.value(&settings::READ_TIMEOUT, parse::positive_duration),
                scores: http::Scores {
                    at_once: read.value(&settings::MAX_SCORES, parse::positive),
                    threads: 1,
                    max_file: read.value(&settings::MAX_SCORE_FILE, parse::bytes),
                    share: 0.0,
                },
                triton_metrics: read.value(&settings::TRITON_METRICS, parse::yes_or_no),
                prometheus: read.optional(&settings::PROMETHEUS_URL, link::link),
            },
            registry: registry::Config {
                poll: poll.flatten(),
                load_threads: read.value(&settings::LOAD_THREADS, parse::threads),
                load_share: read.value(&settings::LOAD_SHARE, parse::percent),
                queue: read.value(&settings::QUEUE, parse::positive),
                deadline: read.value(&settings::DEADLINE, parse::positive_duration),
                control: read.value(&settings::MODEL_CONTROL, parse::control),
                state_dir: read.optional(&settings::STATE_DIR, |text| Ok(PathBuf::from(text))),
                max_model_memory: read
                    .optional(&settings::MAX_MODEL_MEMORY, parse::bytes)
                    .map(|bytes| bytes as u64),
            },
            feedback_key: read.optional(&settings::FEEDBACK_KEY, |text| Ok(PathBuf::from(text))),
            predict: predict::Config {
                wake: read.value(&settings::WAKE, parse::wake),
                deadline: read.value(&settings::DEADLINE, parse::positive_duration),
            },
            jobs: read.jobs(),
            repository: repository::Config {
                cache: read.cache(&source, poll.flatten()),
                source,
                model_name: read.optional(&settings::MODEL_NAME, parse::name),
                settle,
                verification: read.verification(),
            },
            scheduler: scheduler::Config {
                threads: read.value(&settings::THREADS, parse::threads),
            },
            engine: engine::tract::Config {
                compile_threads: read.value(&settings::COMPILE_THREADS, parse::threads),
                max_plans: read.value(&settings::MAX_PLANS, parse::positive),
                max_plan_bytes: read.value(&settings::MAX_PLAN_MEMORY, parse::bytes) as u64,
                run_threads: 1,
                passes: read.value(&settings::PASSES, engine::tract::Passes::parse),
            },
            telemetry: telemetry::Config {
                format: read.value(&settings::LOG, parse::log_format),
                filter: read.value(&settings::LOG_FILTER, parse::log_filter),
            },
            following: read.following(),
            io_threads: read.value(&settings::IO_THREADS, parse::threads),
            shutdown: Shutdown {
                delay: read.value(&settings::SHUTDOWN_DELAY, parse::duration),
                drain: read.value(&settings::SHUTDOWN_TIMEOUT, parse::duration),
            },
        };
        // One run may use as many cores as there are workers.
        config.engine.run_threads = config.scheduler.threads;
        config.http.scores.threads = config.scheduler.threads;
        // Who scores files gives way as loading does.
        config.http.scores.share = config.registry.load_share;
        read.guarded(&config);
        read.finish(config)
    }
}

/// A file that did not change for this long is complete, even if polls are further apart.
const MAX_SETTLE: Duration = Duration::from_secs(1);
