//! `onnxd serve`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ArgMatches;
use tokio::signal::unix::{SignalKind, signal};

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
        .enable_all()
        .build()
        .map_err(|error| Failure::Work(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let app = app::build(config).await.map_err(|error| Failure::Work(error.to_string()))?;
    let cannot_wait = |error| Failure::Work(format!("cannot wait for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_wait)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_wait)?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    if app.run(stop).await {
        Ok(())
    } else {
        Err(Failure::Work("requests were cut off by the shutdown".to_owned()))
    }
}

fn sources(matches: &ArgMatches) -> Result<Sources, Errors> {
    let mut sources = Sources::new(BTreeMap::new(), std::env::vars().collect());
    for setting in settings::ALL {
        if let Some(text) = matches.get_one::<String>(setting.name) {
            sources.flags.insert(setting.name.to_owned(), text.clone());
        }
    }
    if let Some(models) = matches.get_one::<String>("MODELS") {
        sources.flags.insert(settings::MODELS.name.to_owned(), models.clone());
    }
    let file = matches
        .get_one::<String>("config")
        .cloned()
        .or_else(|| sources.environment.get("ONNXD_CONFIG").cloned());
    match file {
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

fn usage(errors: Errors) -> Failure {
    Failure::Usage(errors.to_string())
}
