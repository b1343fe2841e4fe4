//! What others are told of requests: traces, lines in the log, bodies.

mod payloads;
mod requests;
mod sinks;
mod traces;

use std::time::{Duration, Instant};

use crate::support::{Repository, Server, floats};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Far less than what waits for a sink takes, far more than a request does on a busy machine.
const SOON: Duration = Duration::from_secs(4);

/// Has so many requests answered, one after the other, and fails if that takes long.
fn ask_soon(server: &Server, count: usize) {
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]);
    let started = Instant::now();
    for _ in 0..count {
        assert_eq!(server.infer("scale_2", &request).status, 200);
    }
    let took = started.elapsed();
    assert!(took < SOON, "{count} requests took {took:?}");
}

fn scale_2() -> Repository {
    Repository::with(&["scale_2"])
}
