//! Requests to begin with: those that the server offers are those that it answers.

use serde_json::{Value, json};

use crate::support::{Answer, Repository, Server, infer_path, models_that_ship};

/// Asks what the server says that it may be asked.
fn tried(server: &Server, model: &str, example: &Value) -> Answer {
    server.infer(model, &example["request"])
}

#[test]
fn the_examples_of_models_that_ship_are_golden_and_are_answered() {
    let server = Server::start(&models_that_ship(), &[]);
    for model in ["digits", "file-type", "flight-delay", "text-direction"] {
        let example = server.get(&format!("/api/models/{model}/example")).json();
        assert_eq!(example["source"], "golden", "{model}");
        let answer = tried(&server, model, &example);
        assert_eq!(answer.status, 200, "{model}: {answer:?}");
        assert_eq!(answer.json()["model_version"], example["version"].to_string(), "{model}");
        let golden = models_that_ship().join(format!("{model}/{}/golden.json", example["version"]));
        let golden = std::fs::read(golden).expect("the model has golden examples");
        let golden: Value = serde_json::from_slice(&golden).expect("it is JSON");
        let (given, kept) =
            (&golden["examples"][0]["request"]["inputs"], &example["request"]["inputs"]);
        for (given, kept) in given.as_array().into_iter().flatten().zip(kept.as_array().unwrap()) {
            for key in ["name", "datatype", "shape"] {
                assert_eq!(given[key], kept[key], "{model}");
            }
        }
    }
    server.stop();
}

#[test]
fn a_model_without_golden_examples_gets_noughts_in_its_shape() {
    let repository = Repository::with(&["scale_1", "dtype_bytes", "two_inputs", "dtype_int64"]);
    let server = Server::start(repository.path(), &[]);
    for model in ["scale_1", "dtype_bytes", "two_inputs", "dtype_int64"] {
        let example = server.get(&format!("/api/models/{model}/example")).json();
        assert_eq!((&example["source"], &example["version"]), (&json!("signature"), &json!(1)));
        let answer = tried(&server, model, &example);
        assert_eq!(answer.status, 200, "{model}: {example} {answer:?}");
    }
    let scale = server.get("/api/models/scale_1/example?version=1").json();
    let inputs =
        json!([{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [0.0, 0.0, 0.0]}]);
    assert_eq!(scale["request"], json!({"inputs": inputs}));
    server.stop();
}

#[test]
fn where_there_is_no_example_it_is_said_why() {
    let repository = Repository::with(&["scale_1", "dtype_fp16", "corrupt"]);
    let server = Server::start(repository.path(), &[]);
    let routing = json!({"labels": {"stable": 1}}).to_string();
    assert_eq!(server.put("/api/models/scale_1/routing", routing).status, 200);
    assert_eq!(server.get("/api/models/scale_1/example?version=stable").json()["version"], 1);
    for (path, status, reason) in [
        ("scale_1/example?version=7", 404, "model 'scale_1' has no version '7'"),
        ("scale_1/example?other=1", 400, "unknown field `other`"),
        ("dtype_fp16/example", 404, "FP16 travels as binary data only, not as JSON"),
        ("corrupt/example", 404, "model 'corrupt' does not serve now"),
        ("corrupt/example?version=1", 404, "version '1' of model 'corrupt' does not serve now"),
    ] {
        let (found, detail) = server.get(&format!("/api/models/{path}")).problem();
        assert_eq!(found, status, "{path}");
        assert!(detail.contains(reason), "{path}: {detail}");
    }
    assert_eq!(server.get("/api/models/nothing/example").problem().0, 404);
    assert_eq!(server.post(&infer_path("nothing"), "{}").status, 404);
    server.stop_after(&["a model version was refused"]);
}
