//! One version with all that is known of it.

use serde_json::{Value, json};

use crate::support::{Repository, Server, fixture, floats, infer_path, onnxd};

fn inspected(model: &str) -> Value {
    let run = onnxd(&["inspect", &fixture(model).display().to_string(), "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let reports: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    reports[0].clone()
}

#[test]
fn a_version_has_what_the_list_has_what_its_file_holds_and_what_it_ran() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let rows = floats(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(server.infer("scale_1", &rows).status, 200);
    assert_eq!(server.infer("scale_1", &floats(&[1, 2], &[1.0, 2.0])).status, 400);
    let one = server.get("/api/models/scale_1/versions/1").json();
    let listed = server.model("scale_1")["versions"][0].clone();
    let listed = listed.as_object().expect("a version is listed");
    assert!(listed.len() > 15, "{listed:?}");
    for (key, value) in listed {
        assert_eq!(&one[key], value, "{key}");
    }
    let file = inspected("scale_1.onnx");
    let operators = file["operators"].as_array().expect("operators are listed").iter();
    let operators = operators.map(|it| json!({"operator": it["name"], "nodes": it["nodes"]}));
    assert_eq!(one["operators"], operators.collect::<Value>());
    let opset = format!("ai.onnx {}", one["opset"]);
    assert!(file["opsets"].as_array().is_some_and(|all| all.contains(&json!(opset))), "{file}");
    match file["producer"].as_str() {
        None | Some("") => assert_eq!(one["producer"], Value::Null),
        Some(producer) => assert_eq!(one["producer"], producer),
    }
    let bytes = std::fs::metadata(fixture("scale_1.onnx")).expect("it is there").len();
    assert_eq!(one["file_bytes"], bytes);
    assert_eq!(one["totals"], json!({"requests": 2, "failed": 1, "rows": 2}));
    let batches = one["batches"].as_array().expect("batches are listed");
    assert_eq!(
        (batches.len(), &batches[0]["rows"], &batches[0]["runs"]),
        (1, &json!(2), &json!(1))
    );
    assert!(batches[0]["mean_us"].as_f64().is_some_and(|mean| mean > 0.0), "{one}");
    server.stop();
}

#[test]
fn weights_that_lie_beside_a_model_are_bytes_of_it() {
    let repository = Repository::new();
    repository.copy("external_data.onnx", "external/1/model.onnx");
    repository.copy("external_data.bin", "external/1/external_data.bin");
    let server = Server::start(repository.path(), &[]);
    let one = server.get("/api/models/external/versions/1").json();
    let size = |name: &str| std::fs::metadata(fixture(name)).expect("it is there").len();
    let (graph, weights) = (size("external_data.onnx"), size("external_data.bin"));
    let bytes = one["file_bytes"].as_u64().expect("it has bytes");
    assert!(graph < bytes && bytes <= graph + weights, "{bytes} of {graph} and {weights}");
    server.stop();
}

#[test]
fn a_label_names_a_version_and_what_is_not_there_is_not_found() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let server = Server::start(repository.path(), &[]);
    let routing = json!({"labels": {"stable": 1}}).to_string();
    assert_eq!(server.put("/api/models/scale_1/routing", routing).status, 200);
    assert_eq!(server.get("/api/models/scale_1/versions/stable").json()["version"], 1);
    for (path, reason) in [
        ("scale_1/versions/2", "model 'scale_1' has no version '2'"),
        ("scale_1/versions/canary", "model 'scale_1' has no version 'canary'"),
        ("scale_1/versions/-1", "model 'scale_1' has no version '-1'"),
    ] {
        let (status, detail) = server.get(&format!("/api/models/{path}")).problem();
        assert_eq!((status, detail.as_str()), (404, reason));
    }
    assert_eq!(server.get("/api/models/nothing/versions/1").problem().0, 404);
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn of_a_version_that_does_not_serve_its_reason_is_told_and_no_figures() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let server = Server::start(repository.path(), &[]);
    let one = server.get("/api/models/corrupt/versions/1").json();
    let keys: Vec<&String> = one.as_object().expect("it is an object").keys().collect();
    assert_eq!(keys, ["reason", "state", "version"]);
    assert_eq!(one["state"], "UNAVAILABLE");
    assert!(one["reason"].as_str().is_some_and(|reason| reason.contains("not an ONNX model")));
    assert_eq!(server.post(&infer_path("scale_1"), "{").status, 400);
    server.stop_after(&["a model version was refused"]);
}
