//! A repository as Triton has it, with `config.pbtxt` beside the versions.

use std::fs;

use serde_json::Value;

use crate::support::{Repository, Server, fixture, floats, until};

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

#[test]
fn classes_are_called_what_the_file_of_labels_says_and_a_change_of_it_counts() {
    let labelled = CONFIG
        .replace(r#"output [ { name: "y""#, r#"output [ { label_filename: "labels.txt" name: "y""#);
    let repository = repository(&labelled.replace("parameters", "metric_tags"));
    repository.write("m/labels.txt", "cat\ndog\n");
    let server = Server::start(repository.path(), &[]);
    let classify = || {
        let mut question = floats(&[1, 3], &[1.0, 3.0, 2.0]);
        question["outputs"] =
            serde_json::json!([{"name": "y", "parameters": {"classification": 3}}]);
        server.infer("m", &question).json()["outputs"][0]["data"].clone()
    };
    // There is no third label.
    assert_eq!(classify(), serde_json::json!(["3.000000:1:dog", "2.000000:2", "1.000000:0:cat"]));
    let metadata = server.get("/v2/models/m").json();
    let labels = &metadata["outputs"][0]["parameters"]["labels"];
    assert_eq!(*labels, serde_json::json!(["cat", "dog"]), "{metadata}");
    repository.write("m/labels.txt", "cat\nwolf\nbear\n");
    until("the new labels count", || (classify()[0] == "3.000000:1:wolf").then_some(()));
    server.stop();
}

#[test]
fn labels_that_a_request_to_load_names_are_read_with_each_of_them() {
    let repository = Repository::with(&["scale_1"]);
    repository.write("scale_1/labels.txt", "cat\ndog\nbird\n");
    let server = Server::start(repository.path(), &["--model-control", "explicit"]);
    let config = r#"{"output": [{"name": "y", "label_filename": "labels.txt"}]}"#;
    let body = serde_json::json!({"parameters": {"config": config}}).to_string();
    let labels = || {
        let answer = server.post("/v2/repository/models/scale_1/load", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let metadata = server.get("/v2/models/scale_1").json();
        metadata["outputs"][0]["parameters"]["labels"].clone()
    };
    assert_eq!(labels(), serde_json::json!(["cat", "dog", "bird"]));
    repository.write("scale_1/labels.txt", "cat\nwolf\nbird\n");
    assert_eq!(labels(), serde_json::json!(["cat", "wolf", "bird"]));
    server.stop_after(&["no models found"]);
}

#[test]
fn a_file_of_labels_outside_of_the_model_keeps_it_away_and_says_so() {
    let config = r#"default_model_filename: "scale.onnx" output { name: "y" label_filename: "../labels.txt" }"#;
    let repository = repository(config);
    repository.write("labels.txt", "cat\n");
    // It is never ready.
    let server = Server::launch(repository.path(), &[]);
    let expected = "config.pbtxt: output 'y': label_filename is '../labels.txt', expected a path in the model's directory";
    until("the index says why", || {
        let says = |entry: &Value| entry["reason"].as_str().is_some_and(|it| it.contains(expected));
        server.index().iter().any(says).then_some(())
    });
    let answer = server.infer("m", &floats(&[1, 3], &[1.0; 3]));
    assert_ne!(answer.status, 200, "{answer:?}");
    server.stop_after(&["a model cannot be loaded", "request failed"]);
}
