//! The guarantee of a swap: what is not proved does not serve, what serves goes on, and
//! whoever looks is told why.

mod control;
mod crash;
mod idle;
mod refusals;
mod rollback;
mod rolling_pair;
mod routing;
mod supersede;
mod triton;

use serde_json::Value;

use crate::support::{Repository, Server, floats};

/// Model `m` in three versions, which multiply by 1, 2 and 3 and all serve.
fn three() -> Repository {
    let repository = Repository::new();
    repository.write("m/model.toml", "versions = \"all\"\n");
    for version in 1..=3 {
        repository.add("m", version, &format!("scale_{version}"));
    }
    repository
}

/// A request to a `scale` model.
fn ones() -> String {
    floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string()
}

/// The server keeps its state here, beside the models: hidden, so that it is no model.
fn state_dir(repository: &Repository) -> String {
    repository.path().join(".state").display().to_string()
}

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
