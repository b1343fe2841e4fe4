//! The `onnxd` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    onnxd::cli::run()
}
