//! The models that ship answer their golden examples over the wire.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::support::{
    Example, Repository, Server, Tolerance, assert_answer, models_that_ship, text_of,
};

#[derive(Deserialize)]
struct Golden {
    tolerance: Tolerance,
    examples: Vec<Example>,
}

fn golden(version: &Path) -> Golden {
    let text = fs::read(version.join("golden.json"));
    let text = text.expect("every version that ships has golden examples");
    serde_json::from_slice(&text).expect("golden examples are JSON")
}

fn assert_golden(server: &Server, model: &str, version: &str) {
    let Golden { tolerance, examples } = golden(&models_that_ship().join(model).join(version));
    assert!(examples.len() >= 3, "{model} has too few examples");
    for (number, example) in examples.iter().enumerate() {
        let answer = server.infer(model, &example.request);
        let what = format!("{model} {version} {number}");
        assert_answer(&what, &answer, &example.response, tolerance);
    }
}

#[test]
fn every_golden_example_of_every_model_that_ships_holds() {
    let server = Server::start(&models_that_ship(), &[]);
    let index = server.index();
    assert_eq!(index.len(), 4, "{index:?}");
    for entry in index {
        assert_eq!(entry["state"], "READY", "{entry}");
        assert_golden(&server, text_of(&entry["name"]), text_of(&entry["version"]));
    }
    server.stop();
}

#[test]
fn the_golden_examples_of_an_older_version_hold_too() {
    let repository = Repository::new();
    repository.add_file("flight-delay", 1, &models_that_ship().join("flight-delay/1/model.onnx"));
    let server = Server::start(repository.path(), &[]);
    assert_golden(&server, "flight-delay", "1");
    server.stop();
}
