//! The guarantee of a swap: what is not proved does not serve, what serves goes on, and
//! whoever looks is told why.

mod refusals;

use serde_json::Value;

use crate::support::Server;

/// The entry of a version in `/api/models`.
fn version(server: &Server, model: &str, version: u64) -> Value {
    let model = server.model(model);
    let versions = model["versions"].as_array();
    let found = versions.into_iter().flatten().find(|entry| entry["version"] == version);
    found.cloned().unwrap_or_default()
}

/// Refusals of model `m` for this cause.
fn refusals(server: &Server, cause: &str) -> u64 {
    server.metric(&format!(r#"onnxd_refusals_total{{cause="{cause}",model="m"}}"#))
}

/// Swaps of model `m` that ended so.
fn swaps(server: &Server, outcome: &str) -> u64 {
    server.metric(&format!(r#"onnxd_swaps_total{{model="m",outcome="{outcome}"}}"#))
}
