//! What counting costs the thread that serves: nanoseconds for a value, a category, a row.
//!
//! The median of many short rounds, over rows that change: the machine has neighbours, and a
//! processor learns a single row by heart.

use std::hint::black_box;
use std::time::{Duration, Instant};

use onnxd::drift::{Order, Reference, Tally};
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::tensor::{CompactString, Data, DataType, Shape, Tensor};

use crate::data::Batch;
use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;
use crate::watch;

const ROUNDS: usize = 101;
const ROUND: Duration = Duration::from_millis(4);
const FEATURES: usize = 30;

pub fn run() -> Vec<Goal> {
    let wide = made::reference(FEATURES, 20_000);
    let one = per_request(&wide, |random| requests(random, 1));
    let many = per_request(&wide, |random| requests(random, 64));
    let category = per_request(&texts_reference(), texts) / TEXTS as f64;
    let apart = per_request(&apart_reference(), |random| (0..256).map(|_| apart(random)).collect());
    println!("30 features as inputs of their own, 1 row: {apart:.0} ns a row");
    let row = many / 64.0;
    println!("30 features, 64 rows: {row:.0} ns a row");
    vec![
        Goal::new("a number, 64 rows", row / FEATURES as f64, " ns", Bar::AtMost(5.0)),
        Goal::new("a category, 64 rows", category, " ns", Bar::AtMost(25.0)),
        Goal::new("a row of 30 numbers, alone", one, " ns", Bar::AtMost(150.0)),
    ]
}

fn requests(random: &mut Random, rows: usize) -> Vec<Vec<Tensor>> {
    let request = |_| vec![made::tensor(&[rows, FEATURES], numbers(random, rows * FEATURES))];
    (0..256).map(request).collect()
}

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    made::normal(random, count, 0.1)
}

/// Nanoseconds for the inputs of one request.
fn per_request(
    reference: &Reference,
    requests: impl FnOnce(&mut Random) -> Vec<Vec<Tensor>>,
) -> f64 {
    let requests = requests(&mut Random::new(3));
    let mut tally = Tally::new(reference);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let mut asked = 0u32;
            while started.elapsed() < ROUND {
                for inputs in &requests {
                    tally.observe_inputs(reference, black_box(inputs));
                }
                asked += 256;
            }
            started.elapsed().as_secs_f64() * 1e9 / f64::from(asked)
        })
        .collect();
    assert!(tally.rows > 0, "rows were counted");
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// Every feature an input of its own, as trees and pipelines have them.
fn apart_reference() -> Reference {
    let spec = |at| TensorSpec {
        name: format!("x{at}"),
        data_type: DataType::Fp32,
        dims: Some(vec![Dim::Unknown, Dim::Fixed(1)]),
        columns: None,
    };
    let signature = Signature { inputs: (0..FEATURES).map(spec).collect(), outputs: Vec::new() };
    let rows = 20_000;
    let mut random = Random::new(2);
    let columns = (0..FEATURES).map(|_| made::column(made::normal(&mut random, rows, 0.0)));
    let batch = Batch { time: 0, rows, inputs: columns.collect() };
    watch::reference(&signature, &[batch], Order::Any)
}

fn apart(random: &mut Random) -> Vec<Tensor> {
    (0..FEATURES).map(|_| made::column(numbers(random, 1))).collect()
}

/// Categories of a request, as airlines and airports are called.
const TEXTS: usize = 64;

fn text(random: &mut Random) -> CompactString {
    // Some of them are none of those that the reference keeps.
    let categories = if random.chance(0.02) { 1_000 } else { 20 };
    format!("category {}", random.below(categories)).into()
}

fn texts(random: &mut Random) -> Vec<Vec<Tensor>> {
    (0..256).map(|_| vec![of_texts(random, TEXTS)]).collect()
}

fn of_texts(random: &mut Random, rows: usize) -> Tensor {
    let texts: Vec<CompactString> = (0..rows).map(|_| text(random)).collect();
    let shape = Shape::new(vec![rows]).expect("a small shape");
    Tensor::new(shape, Data::Bytes(texts)).expect("it fits")
}

fn texts_reference() -> Reference {
    let spec = TensorSpec {
        name: "x".to_owned(),
        data_type: DataType::Bytes,
        dims: Some(vec![Dim::Unknown]),
        columns: None,
    };
    let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
    let rows = 20_000;
    let inputs = vec![of_texts(&mut Random::new(2), rows)];
    watch::reference(&signature, &[Batch { time: 0, rows, inputs }], Order::Any)
}
