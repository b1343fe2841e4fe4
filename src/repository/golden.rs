//! `golden.json`: examples that a version must reproduce. Here only their shapes are read.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The shape of each input of one example, by name.
pub type Shapes = Vec<(String, Vec<usize>)>;

#[derive(Deserialize)]
struct Golden {
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    name: String,
    shape: Vec<usize>,
}

pub(super) fn shapes(file: &Path) -> Vec<Shapes> {
    let golden: Option<Golden> =
        fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let examples = golden.map_or_else(Vec::new, |golden| golden.examples);
    let shapes_of = |example: Example| {
        example.request.inputs.into_iter().map(|input| (input.name, input.shape)).collect()
    };
    examples.into_iter().map(shapes_of).collect()
}
