//! The `onnxd` command.

use std::process::ExitCode;

/// Models that are gone give their memory back to the system; see docs/PERFORMANCE.md.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    onnxd::cli::run()
}
