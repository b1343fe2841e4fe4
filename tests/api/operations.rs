//! What an operator relies on: probes, shutdown, metrics, limits, and that one request's
//! trouble is not another's.

mod answers;
mod connections;
mod limits;
mod metrics;
mod probes;
mod shutdown;

use serde_json::Value;

use crate::support::{Answer, Repository, Server, floats, infer_path, until};

/// A request that takes a worker about a tenth of a second for each row.
fn slow(rows: usize) -> Value {
    floats(&[rows, 16], &vec![0.25; rows * 16])
}

/// A model whose requests run whole, so that many rows keep a worker busy for a while.
const WHOLE: &str = "batching.max_rows = 1\n";

fn slow_repository() -> Repository {
    let repository = Repository::with(&["slow"]);
    repository.write("slow/model.toml", WHOLE);
    repository
}

/// Starts a request of many rows and waits until a worker runs it, so that whatever comes
/// now must wait. `then` gets the time that it runs; its answer comes back.
fn while_busy(server: &Server, model: &str, then: impl FnOnce()) -> Answer {
    let mut connection = server.connect();
    connection.begin("POST", &infer_path(model), &[], slow(16).to_string().as_bytes());
    let in_flight = format!(r#"onnxd_in_flight{{model="{model}",version="1"}}"#);
    let depth = format!(r#"onnxd_queue_depth{{model="{model}",version="1"}}"#);
    until("a worker runs the long request", || {
        (server.metric(&in_flight) > 0 && server.metric(&depth) == 0).then_some(())
    });
    then();
    connection.answer()
}

/// Runs of a model so far.
fn runs(server: &Server, model: &str) -> u64 {
    server.metric(&format!(r#"onnxd_batch_rows_count{{model="{model}",version="1"}}"#))
}
