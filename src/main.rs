//! The `onnxd` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Models that are gone give their memory back to the system; see docs/PERFORMANCE.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    onnxd::cli::run()
}
