//! The models that ship answer their golden examples over the wire.

use std::fs;

use serde::Deserialize;

use crate::support::{Example, Server, Tolerance, assert_answer, models_that_ship};

#[derive(Deserialize)]
struct Golden {
    tolerance: Tolerance,
    examples: Vec<Example>,
}

fn golden(model: &str) -> Golden {
    let text = fs::read(models_that_ship().join(model).join("1/golden.json"));
    let text = text.expect("every model that ships has golden examples");
    serde_json::from_slice(&text).expect("golden examples are JSON")
}

#[test]
fn every_golden_example_of_every_model_that_ships_holds() {
    let server = Server::start(&models_that_ship(), &[]);
    let index = server.index();
    assert_eq!(index.len(), 3, "{index:?}");
    for entry in index {
        assert_eq!(entry["state"], "READY", "{entry}");
        let model = entry["name"].as_str().expect("models have names");
        let Golden { tolerance, examples } = golden(model);
        assert!(examples.len() >= 3, "{model} has too few examples");
        for (number, example) in examples.iter().enumerate() {
            let answer = server.infer(model, &example.request);
            assert_answer(&format!("{model} {number}"), &answer, &example.response, tolerance);
        }
    }
    server.stop();
}
