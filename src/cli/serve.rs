//! `onnxd serve`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::Failure;
use crate::config::{Config, Errors, Sources, settings};
use crate::{app, telemetry};

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let sources = sources(matches).map_err(usage)?;
    let config = Config::read(&sources).map_err(usage)?;
    if matches.get_flag("print-config") {
        print_config(&sources);
        return Ok(());
    }
    telemetry::start(&config.telemetry);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.io_threads)
        .thread_name("io")
        // Decoding of large bodies; more threads than cores would only take turns.
        .max_blocking_threads(config.io_threads * 2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Work(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let app = app::build(config).await.map_err(|error| match error {
        app::Error::Doors(_) => Failure::Usage(error.to_string()),
        error => Failure::Work(error.to_string()),
    })?;
    let mut signals = Signals::listen()
        .map_err(|error| Failure::Work(format!("cannot wait for signals: {error}")))?;
    let (stop, stopped) = oneshot::channel();
    let told_twice = async {
        signals.next().await;
        // The receiver waits in the server, which runs beside this.
        let _ = stop.send(());
        signals.next().await;
    };
    let run = app.run(async {
        let _ = stopped.await;
    });
    tokio::select! {
        drained = run => if drained {
            Ok(())
        } else {
            Err(Failure::Work("requests were cut off by the shutdown".to_owned()))
        },
        () = told_twice => Err(Failure::Work("stopped at once by a second signal".to_owned())),
    }
}

/// The signals that ask a server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Variables whose names are no text are somebody else's.
fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Where a server with the settings of this environment, and of the file that it names, answers
/// probes, and with which certificate, if with one. None if nobody but holders of certificates
/// is answered there.
pub(super) fn probe(
    address: Option<SocketAddr>,
) -> Result<Option<(SocketAddr, Option<PathBuf>)>, Errors> {
    let sources = with_file(Sources::new(BTreeMap::new(), environment()), None)?;
    let given = |setting| Some(sources.effective(setting).text).filter(|text| !text.is_empty());
    let certificate = given(&settings::TLS_CERT).map(PathBuf::from);
    let closed = given(&settings::TLS_CLIENT_CA).is_some();
    if let Some(address) = address {
        return Ok(Some((address, certificate)));
    }
    let mut sources = sources.clone();
    // Who only asks opens nothing; a server may have been told by a flag.
    sources.flags.insert(settings::INSECURE.name.to_owned(), "true".to_owned());
    let config = Config::read(&sources)?;
    if let Some(address) = config.metrics_address {
        return Ok(Some((address, certificate)));
    }
    Ok((!closed).then_some((config.http_address, certificate)))
}

fn sources(matches: &ArgMatches) -> Result<Sources, Errors> {
    let mut sources = Sources::new(BTreeMap::new(), environment());
    for setting in settings::ALL {
        if let Some(text) = matches.get_one::<String>(setting.name) {
            sources.flags.insert(setting.name.to_owned(), text.clone());
        }
    }
    if let Some(models) = matches.get_one::<String>("MODELS") {
        sources.flags.insert(settings::MODELS.name.to_owned(), models.clone());
    }
    with_file(sources, matches.get_one::<String>("config").cloned())
}

/// Adds the settings of this file, or of the one that the environment names.
fn with_file(sources: Sources, file: Option<String>) -> Result<Sources, Errors> {
    match file.or_else(|| sources.environment.get("ONNXD_CONFIG").cloned()) {
        Some(file) => sources.with_file(Path::new(&file)),
        None => Ok(sources),
    }
}

fn print_config(sources: &Sources) {
    for setting in settings::ALL {
        let effective = sources.effective(setting);
        // Unset settings have no value to print as TOML.
        let comment = if effective.text.is_empty() { "# " } else { "" };
        let value = toml::Value::String(effective.text);
        println!("{comment}{} = {value}  # {}", setting.name, effective.origin);
    }
}

pub(super) fn usage(errors: Errors) -> Failure {
    Failure::Usage(errors.to_string())
}
