//! Weeks of shapes: memory while a new shape comes every half minute, in a hurry. The model
//! needs a plan for each, and another one, which runs any number of rows, is asked in between.
//!
//! In the first week the allocator finds out what it needs; the second must need no more.

use std::fs;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::client::{self, Connection};
use crate::figure::{Bar, Figure};
use crate::process::{Serving, project};
use crate::random::Random;
use crate::repository::{self, Repository};

const WEEK: usize = 7;
const SHAPES_A_DAY: usize = 24 * 60 * 2;

const ROWS: RangeInclusive<usize> = 1..=64;
const PAIRS: RangeInclusive<usize> = 1..=400;

const GROWN: f64 = 1.1;

pub fn run() -> Vec<Figure> {
    let repository = Repository::new();
    let file = fs::read(project("tests/fixtures/shape_changing.onnx")).expect("a fixture");
    repository.add("shapes", 1, &vec![("model.onnx", file)]);
    repository.add("digits", 1, &repository::digits());
    let server = Serving::onnxd(&repository.root, &[]);
    let mut connection = Connection::open(server.address).expect("the server listens");
    let mut random = Random::new(7);
    let mut resident = Vec::new();
    println!("\n| shapes, day | shapes | resident |\n|---|---|---|");
    for day in 1..=2 * WEEK {
        for _ in 0..SHAPES_A_DAY {
            ask_pairs(&mut connection, &mut random);
            ask_digits(&mut connection, &mut random);
        }
        resident.push(server.resident_bytes() as f64 / 1e6);
        println!("| {day} | {} | {:.1} MB |", day * SHAPES_A_DAY, resident[day - 1]);
    }
    let [first, second] =
        [&resident[..WEEK], &resident[WEEK..]].map(|week| week.iter().copied().fold(0.0, f64::max));
    let name = "a week of shapes after another: most memory in it / in the first";
    vec![Figure::new(name, second / first, Bar::AtMost(GROWN))]
}

/// Means of pairs, all of one number.
fn ask_pairs(connection: &mut Connection, random: &mut Random) {
    let (rows, pairs) = (one_of(random, ROWS), one_of(random, PAIRS));
    let number = random.below(1000);
    let answer = ask(connection, "shapes", "x", [rows, 2 * pairs], number);
    let output = &answer["outputs"][0];
    assert_eq!(output["shape"], json!([rows, pairs]), "{rows} rows of {pairs} pairs");
    let means = output["data"].as_array().expect("numbers");
    assert!(means.iter().all(|mean| mean.as_f64() == Some(number as f64)), "not all {number}");
}

fn ask_digits(connection: &mut Connection, random: &mut Random) {
    let rows = one_of(random, ROWS);
    let answer = ask(connection, "digits", "pixels", [rows, 64], random.below(16));
    let labels = answer["outputs"][0]["data"].as_array().expect("labels");
    assert_eq!(labels.len(), rows);
    assert!(labels.iter().all(|label| *label == labels[0]), "alike rows have unlike answers");
}

fn ask(
    connection: &mut Connection,
    model: &str,
    input: &str,
    [rows, columns]: [usize; 2],
    number: usize,
) -> Value {
    let data = vec![number; rows * columns];
    let input = json!({"name": input, "datatype": "FP32", "shape": [rows, columns], "data": data});
    let body = json!({"inputs": [input]}).to_string();
    let request = client::post(&format!("/v2/models/{model}/infer"), "", body.as_bytes());
    let (status, body) = connection.ask(&request).expect("an answer");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("JSON")
}

fn one_of(random: &mut Random, range: RangeInclusive<usize>) -> usize {
    range.start() + random.below(range.end() - range.start() + 1)
}
