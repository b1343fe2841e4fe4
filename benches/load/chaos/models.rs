//! The models of the chaos, and what each of their versions answers.

use std::fs;

use onnxd::tensor::Tensor;

use crate::convolutions;
use crate::expect;
use crate::network;
use crate::process::project;
use crate::question::{Form, Rows};
use crate::raw::Raw;
use crate::repository::{self, Files, Repository};
use crate::subjects;

/// Versions with the same remainder are the same model.
pub const KINDS: u64 = 4;

/// A model whose versions come and go.
pub struct Swapped {
    pub name: &'static str,
    pub files: fn(u64) -> Files,
}

pub const SWAPPED: [Swapped; 4] = [
    Swapped { name: "digits", files: |_| repository::digits() },
    Swapped { name: "flight-delay", files: |version| repository::flight_delay(version) },
    Swapped { name: "network", files: network_files },
    Swapped {
        name: convolutions::NAME,
        files: |version| repository::convolutions(version % KINDS),
    },
];

fn network_files(version: u64) -> Files {
    let kind = u16::try_from(version % KINDS).expect("few kinds");
    vec![("model.onnx", network::with_bias(8.0 * f32::from(kind)))]
}

/// What may be asked.
pub struct Model {
    /// By kind of version: the same rows and other answers.
    kinds: Vec<Rows>,
    pub most_rows: usize,
    /// How often it is asked, against the others.
    pub weight: usize,
}

impl Model {
    pub fn rows(&self) -> usize {
        self.kinds[0].len()
    }

    pub fn request(&self, picks: &[usize], form: Form, parameters: &str) -> Vec<u8> {
        self.kinds[0].request(picks, form, parameters)
    }

    /// Whether this is what the version that it names answers to these rows.
    pub fn is_right(&self, body: &[u8], picks: &[usize], form: Form) -> bool {
        let Some(version) = version_of(body) else { return false };
        let kind = usize::try_from(version).expect("few versions") % self.kinds.len();
        let expected = self.kinds[kind].answers(picks);
        match form {
            Form::Json => expect::json(body, &expected),
            Form::Binary => expect::binary(body, &expected),
        }
    }
}

fn version_of(body: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"model_version\":\"";
    let start = body.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let length = body[start..].iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(&body[start..start + length]).ok()?.parse().ok()
}

/// Puts the first versions in the repository.
pub fn prepare(repository: &Repository) -> Vec<Model> {
    let scratch = Repository::new();
    let mut models = Vec::new();
    for swapped in &SWAPPED {
        repository.add(swapped.name, 1, &(swapped.files)(1));
        let kinds = (0..KINDS).map(|kind| {
            // Version 4 is of kind 0.
            let version = if kind == 0 { KINDS } else { kind };
            scratch.add(swapped.name, version, &(swapped.files)(version));
            let raw = Raw::load(&scratch.version(swapped.name, version));
            Rows::new(swapped.name, &raw, &inputs(swapped.name, &raw))
        });
        let kinds = kinds.collect();
        let (most_rows, weight) = if swapped.name == convolutions::NAME { (6, 1) } else { (64, 4) };
        models.push(Model { kinds, most_rows, weight });
    }
    models.extend(shapes(repository));
    models
}

fn inputs(model: &str, raw: &Raw) -> Vec<Tensor> {
    match model {
        "digits" => vec![subjects::digits_of(&[256, 64], 5)],
        "flight-delay" => subjects::flights(raw),
        "network" => subjects::vectors(),
        _ => vec![subjects::digits_of(&[24, 1, convolutions::SIDE, convolutions::SIDE], 6)],
    }
}

/// A model that needs a plan for every shape, asked with rows of several lengths.
fn shapes(repository: &Repository) -> Vec<Model> {
    const NAME: &str = "shapes";
    let file = fs::read(project("tests/fixtures/shape_changing.onnx")).expect("a fixture");
    repository.add(NAME, 1, &vec![("model.onnx", file)]);
    let raw = Raw::load(&repository.version(NAME, 1));
    let model = |columns: usize| {
        let input = subjects::digits_of(&[8, columns], columns as u64);
        Model { kinds: vec![Rows::new(NAME, &raw, &[input])], most_rows: 4, weight: 1 }
    };
    (1..=6).map(|half| model(2 * half)).collect()
}
