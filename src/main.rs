//! The `onnxd` command.

use std::process::ExitCode;

/// Models that are gone give their memory back to the system, and no thread that serves does
/// that work; see docs/PERFORMANCE.md.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    onnxd::cli::run()
}
