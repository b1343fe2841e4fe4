//! What others are told of the server and its requests: the log (text for people or JSON for
//! machines, on stderr), traces, and the payload log; ids of requests.

mod context;
mod follow;
pub mod otlp;
mod outage;
pub mod payload;
mod record;
mod request_id;
mod share;
mod web;

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

pub use follow::{Arrived, Flush, Followed, Following, Telemetry};
pub use record::{Body, Call, Ended, Form, Record, Stages, Timed, Told};
pub use request_id::{REQUEST_ID, request_id};
pub use share::Share;
pub use web::Address;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct Config {
    pub format: Format,
    /// What is logged: a level, or `target=level` pairs separated by commas.
    pub filter: Targets,
}

/// Directs the program's log to stderr. Call once; a second call changes nothing.
pub fn start(config: &Config) {
    // tract reports its own rewriting steps at lower levels; they help nobody here.
    let filter = config.filter.clone().with_target("tract_core", tracing::Level::ERROR);
    let registry = tracing_subscriber::registry();
    let started = match config.format {
        Format::Text => {
            let colours = std::io::stderr().is_terminal();
            let lines =
                fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
            registry.with(lines.with_filter(filter)).try_init()
        }
        Format::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(lines.with_filter(filter)).try_init()
        }
    };
    // Tests start several servers in one process; the first one's log serves all.
    drop(started);
}
