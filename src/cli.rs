//! The command line: one file per command.

mod arguments;
mod check;
mod contract;
mod health;
mod inspect;
mod key;
mod load;
mod predict;
mod profile;
mod progress;
mod serve;
mod timing;

use std::process::ExitCode;

/// A command that did not work out.
enum Failure {
    /// The work failed: exit code 1.
    Work(String),
    /// The command line or the configuration is wrong: exit code 2.
    Usage(String),
}

/// Runs the command line and returns the exit code: 0 done, 1 the work failed, 2 usage or
/// configuration.
#[must_use]
pub fn run() -> ExitCode {
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // clap prints help and version to stdout and mistakes to stderr.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    let result = match matches.subcommand() {
        Some(("serve", matches)) => serve::run(matches),
        Some(("predict", matches)) => predict::run(matches),
        Some(("inspect", matches)) => inspect::run(matches),
        Some(("check", matches)) => check::run(matches),
        Some(("profile", matches)) => profile::run(matches),
        Some(("contract", matches)) => contract::run(matches),
        Some(("health", matches)) => health::run(matches),
        Some(("key", matches)) => key::run(matches),
        _ => Err(Failure::Usage("no command; see --help".to_owned())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Work(message)) => fail(1, &message),
        Err(Failure::Usage(message)) => fail(2, &message),
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    for line in message.lines() {
        eprintln!("onnxd: {line}");
    }
    ExitCode::from(code)
}
