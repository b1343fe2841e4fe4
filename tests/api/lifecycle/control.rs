//! Models that requests load and unload.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ones, refusals, state_dir, three};
use crate::support::{Repository, Server, fixture, infer_path};

const EXPLICIT: [&str; 2] = ["--model-control", "explicit"];

const LOAD: &str = "/v2/repository/models/m/load";
const UNLOAD: &str = "/v2/repository/models/m/unload";

const REFUSED: &str = "a model version was refused";

fn granted(server: &Server, path: &str, body: &str) {
    let answer = server.post(path, body);
    assert_eq!((answer.status, answer.text()), (200, ""), "{path} {answer:?}");
}

/// A request to load with these parameters.
fn with(parameters: &Value) -> String {
    json!({ "parameters": parameters }).to_string()
}

fn inline(bytes: &[u8]) -> String {
    with(&json!({"file:1/model.onnx": STANDARD.encode(bytes)}))
}

fn scale(number: usize) -> Vec<u8> {
    fs::read(fixture(&format!("scale_{number}.onnx"))).expect("the fixture is there")
}

#[test]
fn nothing_serves_before_it_is_asked_for_nor_after_it_is_unloaded() {
    let repository = three();
    let server = Server::start(repository.path(), &EXPLICIT);
    let unknown = (404, "Request for unknown model: 'm' is not found".to_owned());
    assert_eq!(server.post(&infer_path("m"), ones()).error(), unknown);
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m"), ("3".to_owned(), 3));
    // Again is no mistake, and nothing to do.
    granted(&server, LOAD, "{}");
    granted(&server, UNLOAD, r#"{"parameters": {"unload_dependents": true}}"#);
    assert_eq!(server.post(&infer_path("m"), ones()).error(), unknown);
    assert_eq!(server.post(UNLOAD, "").error(), unknown);
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m").1, 3);
    server.stop_after(&["no models found"]);
}

#[test]
fn a_routing_may_come_before_its_model_is_loaded() {
    let repository = three();
    let server = Server::start(repository.path(), &EXPLICIT);
    let routing = json!({"traffic": {"2": 1}}).to_string();
    let answer = server.put("/api/models/m/routing", routing);
    assert_eq!((answer.status, &answer.json()["traffic"]), (200, &json!({"2": 1})));
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    server.stop_after(&["no models found"]);
}

#[test]
fn requests_under_way_are_answered_while_their_model_is_unloaded() {
    let repository = Repository::with(&["slow"]);
    let server = Server::start(repository.path(), &EXPLICIT);
    granted(&server, "/v2/repository/models/slow/load", "");
    let mut connection = server.connect();
    let request = crate::support::floats(&[1, 16], &[0.5; 16]).to_string();
    connection.begin("POST", &infer_path("slow"), &[], request.as_bytes());
    crate::support::until("it runs", || {
        (server.metric(r#"onnxd_in_flight{model="slow",version="1"}"#) == 1).then_some(())
    });
    granted(&server, "/v2/repository/models/slow/unload", "");
    assert_eq!(server.infer("slow", &json!({})).status, 404);
    assert_eq!(connection.answer().status, 200);
    server.stop_after(&["no models found"]);
}

#[test]
fn what_was_loaded_is_loaded_after_a_restart_and_nothing_else() {
    let repository = Repository::with(&["scale_1", "scale_2", "scale_3"]);
    let state = state_dir(&repository);
    let arguments = [EXPLICIT[0], EXPLICIT[1], "--state-dir", &state];
    let server = Server::start(repository.path(), &arguments);
    granted(&server, "/v2/repository/models/scale_1/load", "");
    granted(&server, "/v2/repository/models/scale_2/load", "");
    granted(&server, "/v2/repository/models/scale_1/unload", "");
    server.kill();
    let server = Server::start(repository.path(), &arguments);
    assert_eq!(server.scaled("scale_2").1, 2);
    for other in ["scale_1", "scale_3"] {
        assert_eq!(server.get(&format!("/v2/models/{other}")).status, 404);
    }
    server.stop();
}

#[test]
fn a_model_that_is_not_there_cannot_be_loaded_or_unloaded() {
    let repository = three();
    let server = Server::start(repository.path(), &EXPLICIT);
    let unknown = (404, "Request for unknown model: 'x' is not found".to_owned());
    assert_eq!(server.post("/v2/repository/models/x/load", "").error(), unknown);
    assert_eq!(server.post("/v2/repository/models/x/unload", "").error(), unknown);
}

#[test]
fn a_configuration_stands_before_the_settings_until_the_next_load() {
    let repository = three();
    repository.write("m/model.toml", "");
    let server = Server::start(repository.path(), &EXPLICIT);
    let configuration =
        json!({"max_batch_size": 8, "version_policy": {"specific": {"versions": [1, 2]}}});
    granted(&server, LOAD, &with(&json!({"config": configuration.to_string()})));
    let config = server.get("/v2/models/m/config").json();
    assert_eq!(config["max_batch_size"], 8);
    assert_eq!(config["version_policy"], json!({"specific": {"versions": ["1", "2"]}}));
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    granted(&server, LOAD, "");
    let config = server.get("/v2/models/m/config").json();
    assert_eq!(config["max_batch_size"], 256);
    assert_eq!(config["version_policy"], json!({"latest": {"num_versions": 1}}));
    assert_eq!(server.scaled("m"), ("3".to_owned(), 3));
    server.stop_after(&["no models found"]);
}

#[test]
fn files_in_the_request_stand_before_those_of_the_repository_until_the_next_load() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &EXPLICIT);
    granted(&server, LOAD, &inline(&scale(3)));
    assert_eq!(server.scaled("m"), ("1".to_owned(), 3));
    granted(&server, LOAD, &inline(&scale(2)));
    assert_eq!(server.scaled("m"), ("1".to_owned(), 2));
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    server.stop_after(&["no models found"]);
}

#[test]
fn a_model_may_come_with_the_request_alone() {
    let repository = three();
    let server = Server::start(repository.path(), &EXPLICIT);
    granted(&server, "/v2/repository/models/new/load", &inline(&scale(2)));
    assert_eq!(server.scaled("new"), ("1".to_owned(), 2));
    granted(&server, "/v2/repository/models/new/unload", "");
    assert_eq!(server.get("/v2/models/new").status, 404);
    assert_eq!(server.post("/v2/repository/models/new/load", "").status, 404);
    server.stop_after(&["no models found"]);
}

#[test]
fn parameters_that_mean_nothing_sensible_are_refused_and_change_nothing() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &EXPLICIT);
    granted(&server, LOAD, "");
    let wanted = "expected a version and a file, as in file:1/model.onnx";
    for (parameter, value, expected) in [
        ("file:1/model.onnx", "no base64!", "parameter 'file:1/model.onnx': no base64: "),
        ("file:../1/model.onnx", "AAEC", wanted),
        ("file:1/../../x", "AAEC", wanted),
        ("file:/etc/x", "AAEC", wanted),
        ("file:model.onnx", "AAEC", wanted),
        ("config", "{", "parameter 'config': EOF while parsing"),
        ("config", r#"{"max_batch_size": "lots"}"#, "parameter 'config': invalid type"),
    ] {
        let (status, message) = server.post(LOAD, with(&json!({parameter: value}))).error();
        assert_eq!(status, 400, "{parameter}");
        assert!(message.contains(expected), "{parameter}: {message}");
    }
    assert_eq!(server.post(LOAD, "{").error().0, 400);
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    server.stop_after(&["no models found"]);
}

#[test]
fn a_load_that_fails_says_why_and_what_served_before_serves_on() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &EXPLICIT);
    granted(&server, LOAD, "");
    let (status, message) = server.post(LOAD, inline(b"no model")).error();
    assert_eq!(status, 400);
    assert!(message.contains("model.onnx is not an ONNX model"), "{message}");
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    granted(&server, LOAD, "");
    assert_eq!(server.state("m", "1"), Some(("READY".to_owned(), String::new())));
    server.stop_after(&[REFUSED, "no models found"]);
}

#[test]
fn a_first_load_that_fails_says_why() {
    let repository = Repository::with(&["corrupt"]);
    let server = Server::start(repository.path(), &EXPLICIT);
    let path = "/v2/repository/models/corrupt/load";
    // Each request tries again.
    for _ in 0..2 {
        let (status, message) = server.post(path, "").error();
        assert_eq!(status, 400);
        let expected = "model 'corrupt' does not serve: version 1: model.onnx is not an ONNX model";
        assert!(message.starts_with(expected), "{message}");
    }
    server.must_be_logged(REFUSED, 2);
    server.stop_after(&[REFUSED, "no models found"]);
}

#[test]
fn settings_that_are_wrong_fail_a_load_with_their_lines() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    repository.write("m/model.toml", "versons = 1\n");
    let server = Server::start(repository.path(), &EXPLICIT);
    let (status, message) = server.post(LOAD, "").error();
    assert_eq!(status, 400);
    assert!(message.contains("line 1: unknown key 'versons'"), "{message}");
    repository.write("m/model.toml", "");
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m").1, 1);
    server.stop_after(&["a model cannot be loaded", "no models found"]);
}

#[test]
fn where_the_repository_decides_requests_are_told_what_to_start_with() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    let why = "the repository decides what is served; start with --model-control explicit";
    let unload = format!("{why} to unload by request");
    assert_eq!(server.post(UNLOAD, "").error(), (400, unload));
    let load = format!("{why} to load files or settings by request");
    assert_eq!(server.post(LOAD, inline(&scale(2))).error(), (400, load));
    granted(&server, LOAD, "");
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    server.stop();
}

#[test]
fn a_load_tries_again_what_was_refused() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    let settings = "[gate]\nevaluation = { data = \"../.rows.csv\", target = \"y\", metric = \"mae\", max = 100 }\n";
    repository.write("m/model.toml", settings);
    repository.copy("ml_linear_regressor.onnx", "m/2/model.onnx");
    server.wait_for_state("m", "2", "UNAVAILABLE");
    let refused = refusals(&server, "signature");
    let (status, message) = server.post(LOAD, "").error();
    assert_eq!(status, 400);
    assert!(message.contains("version 2: signature: "), "{message}");
    assert_eq!(refusals(&server, "signature"), refused + 1);
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    server.stop_after(&[REFUSED]);
}
