//! A repository as Triton has it, with `config.pbtxt` beside the versions.

use std::fs;

use crate::support::{Repository, Server, fixture, floats};

const CONFIG: &str = r#"
name: "m"
backend: "onnxruntime"
default_model_filename: "scale.onnx"
max_batch_size: 4
input [ { name: "x" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 3 ] } ]
version_policy: { specific { versions: 1 } }
dynamic_batching { preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 100 }
instance_group [ { count: 2 kind: KIND_CPU } ]
parameters { key: "intra_op_thread_count" value { string_value: "2" } }
"#;

/// Two versions, of which the configuration wants the first.
fn repository(config: &str) -> Repository {
    let repository = Repository::new();
    repository.write("m/config.pbtxt", config);
    for version in [1, 2] {
        let model = fs::read(fixture(&format!("scale_{version}.onnx"))).expect("it is there");
        repository.write(&format!("m/{version}/scale.onnx"), model);
    }
    repository
}

#[test]
fn a_triton_repository_serves_as_it_is_and_the_log_names_what_nothing_comes_of() {
    let repository = repository(CONFIG);
    let server = Server::start(repository.path(), &[]);
    let answer = server.infer("m", &floats(&[1, 3], &[1.0; 3])).json();
    assert_eq!(answer["model_version"], "1");
    assert_eq!(answer["outputs"][0]["data"], serde_json::json!([1.0, 1.0, 1.0]));
    let config = server.get("/v2/models/m/config").json();
    assert_eq!(config["max_batch_size"], 4, "{config}");
    let warning = server.logged("model version loaded with a warning");
    assert_eq!(warning["warning"], "config.pbtxt: nothing comes of parameters");
    server.stop_after(&["nothing comes of parameters"]);
}

#[test]
fn a_configuration_that_cannot_be_read_keeps_the_model_away_and_says_where() {
    let repository = repository("max_batch_size: 4\nversion_policy { specific { versions: [1 }\n");
    repository.add("other", 1, "scale_3");
    let server = Server::start(repository.path(), &[]);
    let error = server.infer("m", &floats(&[1, 3], &[1.0; 3])).error().1;
    assert!(error.contains("config.pbtxt: line 2: expected ',' or ']'"), "{error}");
    server.stop_after(&["a model cannot be loaded", "request failed"]);
}

#[test]
fn settings_of_onnxds_own_stand_in_place_of_tritons() {
    let repository = Repository::with(&["scale_1"]);
    repository.write("scale_1/config.pbtxt", "max_batch_size: 4\n");
    repository.write("scale_1/model.toml", "batching.max_rows = 8\n");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.get("/v2/models/scale_1/config").json()["max_batch_size"], 8);
    server.stop();
}
