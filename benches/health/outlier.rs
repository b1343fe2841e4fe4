//! One row of nonsense must not hide what all others show.

use onnxd::drift::{Order, Reference, Scores, Tally};
use onnxd::stats::Alpha;

use crate::data::Batch;
use crate::goal::{Bar, Goal};
use crate::made;
use crate::random::Random;
use crate::watch;

const OUTLIER: f32 = 1e4;
const ROWS: usize = 2_000;

/// Standard deviations by which the data really has moved.
const SHIFT: f32 = 1.5;

pub fn run() -> Vec<Goal> {
    let mut random = Random::new(1);
    let signature = made::table(1);
    let before = made::normal(&mut random, 10_000, 0.0);
    let batch = Batch { time: 0, rows: before.len(), inputs: vec![made::column(before)] };
    let reference = watch::reference(&signature, &[batch], Order::Any);
    let mut now = made::normal(&mut random, ROWS, SHIFT);
    let without = psi(&reference, now.clone());
    now[0] = OUTLIER;
    let with = psi(&reference, now);
    println!("PSI of {ROWS} rows that moved by {SHIFT} σ: {without:.4}, with an outlier {with:.4}");
    let name = "one outlier of 1e4 in 2,000 rows: PSI moves by";
    vec![Goal::new(name, (with - without).abs(), "", Bar::AtMost(0.01))]
}

fn psi(reference: &Reference, values: Vec<f32>) -> f64 {
    let mut tally = Tally::new(reference);
    tally.observe_inputs(reference, &[made::column(values)]);
    let scores = Scores::of(&reference.watched[0], 0, &tally, Alpha::nearest(1e-3));
    scores.expect("there are enough rows").psi
}
