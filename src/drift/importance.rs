//! How much the predictions lean on each input, so that the drift of what the model hardly looks
//! at does not count like that of what it lives on.
//!
//! A feature is given the values of other rows, and how far the predictions move is its
//! importance. Source: permutation importance (Breiman 2001), of the predictions themselves in
//! place of a loss, as no truth is needed for it (Fisher, Rudin and Dominici 2019, model reliance).

use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};
use crate::stats::{Moments, float};
use crate::tensor::batch::{concat, concat_rows};
use crate::tensor::{DataType, Tensor};

/// Rows that are looked at: importances need no second digit.
const MOST_ROWS: u64 = 2_000;
const LEAST_ROWS: u64 = 50;

/// Values that are put together for the model, of all features together: some seconds.
const MOST_VALUES: u64 = 200_000_000;

/// Values that are kept: of images a few rows are gigabytes.
const MOST_KEPT: usize = 1 << 24;

/// Rows from all over the data, evenly, in its order.
pub struct Sample {
    every: u64,
    seen: u64,
    /// Values that may still be kept; then there is no sample.
    room: Option<usize>,
    /// Inputs of rows that were taken together.
    parts: Vec<Vec<Tensor>>,
}

impl Sample {
    /// Of so many rows of data, for these of so many inputs: all of them together cost about as
    /// much as going through the data twice. `None` where that would take too long.
    #[must_use]
    pub fn new(rows: u64, weighed: usize, inputs: usize) -> Option<Self> {
        let (weighed, inputs) = (weighed.max(1) as u64, inputs as u64);
        let most = (rows.saturating_mul(2) / weighed).clamp(LEAST_ROWS, MOST_ROWS);
        let bearable = most.min(rows).saturating_mul(weighed).saturating_mul(inputs) <= MOST_VALUES;
        let every = rows.div_ceil(most).max(1);
        bearable.then(|| Self { every, seen: 0, room: Some(MOST_KEPT), parts: Vec::new() })
    }

    /// The next rows of the data, in the order of the signature.
    pub fn add(&mut self, inputs: &[Tensor], rows: usize) {
        let before = self.seen;
        self.seen += rows as u64;
        let first = before.next_multiple_of(self.every) - before;
        let taken = (first..rows as u64).step_by(usize::try_from(self.every).unwrap_or(usize::MAX));
        let taken: Vec<usize> = taken.filter_map(|row| usize::try_from(row).ok()).collect();
        let row = |input: &Tensor| input.shape().row_elements();
        let more = inputs.iter().map(row).sum::<usize>().saturating_mul(taken.len());
        self.room = self.room.and_then(|room| room.checked_sub(more));
        if self.room.is_none() {
            self.parts = Vec::new();
            return;
        }
        let part = |input: &Tensor| {
            let rows: Vec<_> = taken.iter().map(|row| (input, *row..row + 1)).collect();
            concat_rows(&rows)
        };
        // Of inputs without rows there are no importances.
        self.parts.extend(inputs.iter().map(part).collect::<Option<Vec<_>>>());
    }

    /// The inputs of all of them; `None` if they cannot be put together, or are too large.
    #[must_use]
    pub fn finish(self) -> Option<Vec<Tensor>> {
        let inputs = self.parts.first()?.len();
        let joined = (0..inputs).map(|input| {
            let parts: Vec<&Tensor> = self.parts.iter().map(|part| &part[input]).collect();
            concat(&parts)
        });
        joined.collect()
    }
}

/// The importance of each of these inputs by its name; of all together 1, but for those that are
/// read twice, as an image by its mean and its norm, which share their tensor. Empty if nothing
/// moves the predictions. `run` gives the predictions of inputs.
///
/// # Errors
/// Those of `run`.
pub fn importances(
    signature: &Signature,
    weighed: &[&str],
    inputs: &[Tensor],
    mut run: impl FnMut(&[Tensor]) -> Result<Vec<Tensor>, String>,
) -> Result<Vec<(String, f64)>, String> {
    let rows = inputs.first().and_then(Tensor::rows).unwrap_or(0);
    let (from, features) = (shuffled(rows), features::of(signature));
    let judge = Judge::new(&features, signature, run(inputs)?);
    let mut found = Vec::new();
    let is_weighed = |of: &&Feature| of.role == Role::Input && weighed.contains(&of.name.as_str());
    for feature in features.iter().filter(is_weighed) {
        let Some(exchanged) = feature.exchanged(inputs, &from) else { continue };
        let mut changed = inputs.to_vec();
        changed[feature.tensor()] = exchanged;
        found.push((feature.name.clone(), judge.moved(&run(&changed)?)));
    }
    let sum: f64 = found.iter().map(|(_, moved)| moved).sum();
    if sum > 0.0 {
        for (_, moved) in &mut found {
            *moved = rounded(*moved / sum);
        }
        return Ok(found);
    }
    Ok(Vec::new())
}

/// What tells predictions apart.
struct Judge<'a> {
    features: Vec<&'a Feature>,
    before: Vec<Tensor>,
    /// Standard deviations of the predictions before; none of classes.
    sigmas: Vec<Option<f64>>,
}

impl<'a> Judge<'a> {
    /// Scores say more than the class that follows from them.
    fn new(all: &'a [Feature], signature: &Signature, before: Vec<Tensor>) -> Self {
        let predictions = || all.iter().filter(|feature| feature.role == Role::Prediction);
        let is_score = |feature: &&Feature| {
            let data_type = signature.outputs[feature.tensor()].data_type;
            feature.reading != Reading::Text
                && matches!(data_type, DataType::Fp16 | DataType::Fp32 | DataType::Fp64)
        };
        let scores: Vec<&Feature> = predictions().filter(is_score).collect();
        let sigmas = |feature: &&Feature| {
            let numbers = numbers(feature, &before);
            (!scores.is_empty()).then(|| sigma(&numbers))
        };
        let features = if scores.is_empty() { predictions().collect() } else { scores.clone() };
        let sigmas = features.iter().map(sigmas).collect();
        Self { features, before, sigmas }
    }

    /// How far the predictions moved on average: scores in their standard deviations, of classes
    /// the share that changed.
    fn moved(&self, after: &[Tensor]) -> f64 {
        let of = |(feature, sigma): (&&Feature, &Option<f64>)| {
            if feature.reading == Reading::Text {
                return changed(&texts(feature, &self.before), &texts(feature, after));
            }
            let (before, after) = (numbers(feature, &self.before), numbers(feature, after));
            match sigma {
                Some(sigma) => distance(&before, &after, *sigma),
                None => changed(&before, &after),
            }
        };
        self.features.iter().zip(&self.sigmas).map(of).sum::<f64>()
            / float(self.features.len() as u64)
    }
}

fn numbers(feature: &Feature, tensors: &[Tensor]) -> Vec<f64> {
    let mut found = Vec::new();
    feature.each_number(tensors, 1, |number| found.push(number));
    found
}

fn texts<'t>(feature: &Feature, tensors: &'t [Tensor]) -> Vec<&'t str> {
    let mut found = Vec::new();
    feature.each_text(tensors, 1, |text| found.push(text));
    found
}

fn changed<T: PartialEq>(before: &[T], after: &[T]) -> f64 {
    let changed = before.iter().zip(after).filter(|(before, after)| before != after).count();
    float(changed as u64) / float(before.len().max(1) as u64)
}

/// Of the finite numbers.
fn sigma(numbers: &[f64]) -> f64 {
    let finite = numbers.iter().copied().filter(|number| number.is_finite());
    finite.collect::<Moments>().sigma().unwrap_or(0.0)
}

/// What is finite only before or after has moved by one.
fn distance(before: &[f64], after: &[f64], sigma: f64) -> f64 {
    let of = |(before, after): (&f64, &f64)| {
        if before.total_cmp(after).is_eq() {
            return 0.0;
        }
        let moved = (before - after).abs() / sigma;
        if moved.is_finite() { moved } else { 1.0 }
    };
    before.iter().zip(after).map(of).sum::<f64>() / float(before.len().max(1) as u64)
}

/// Every row once, in an order that is the same in every run (Fisher and Yates; the generator is
/// Knuth's MMIX).
fn shuffled(rows: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for at in (1..rows).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from((state >> 33) % (at as u64 + 1)).unwrap_or(0);
        order.swap(at, other);
    }
    order
}

/// To four digits behind the point: of two runs over a table in another format the rest may differ.
fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, TensorSpec};
    use crate::tensor::Shape;

    const ALL: [&str; 3] = ["x[0]", "x[1]", "x[2]"];

    fn signature(output: DataType) -> Signature {
        let spec = |name: &str, data_type, width| TensorSpec {
            name: name.to_owned(),
            data_type,
            dims: Some(vec![Dim::Unknown, Dim::Fixed(width)]),
            columns: None,
        };
        Signature {
            inputs: vec![spec("x", DataType::Fp64, 3)],
            outputs: vec![spec("y", output, 1)],
        }
    }

    fn rows(count: usize) -> Vec<Tensor> {
        let value = |at: usize| float((at * 7919 % 1009) as u64) / 1009.0;
        let values: Vec<f64> = (0..count * 3).map(value).collect();
        vec![Tensor::new(Shape::new(vec![count, 3]).unwrap(), values.into()).unwrap()]
    }

    fn table(tensor: &Tensor) -> Vec<[f64; 3]> {
        let values = tensor.data().as_slice::<f64>().unwrap();
        values.chunks(3).map(|row| [row[0], row[1], row[2]]).collect()
    }

    fn column(data: impl Into<crate::tensor::Data>) -> Vec<Tensor> {
        let data = data.into();
        vec![Tensor::new(Shape::new(vec![data.len(), 1]).unwrap(), data).unwrap()]
    }

    #[test]
    fn what_the_model_leans_on_is_important_and_what_it_ignores_is_not() {
        let scores = |inputs: &[Tensor]| {
            let of = |row: &[f64; 3]| 3.0 * row[0] - row[1];
            Ok(column(table(&inputs[0]).iter().map(of).collect::<Vec<f64>>()))
        };
        let found = importances(&signature(DataType::Fp64), &ALL, &rows(1000), scores).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ALL);
        assert!((found[0].1 - 0.75).abs() < 0.02 && found[2].1 == 0.0, "{found:?}");
        assert!((found.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn of_classes_those_that_change_count() {
        let classes = |inputs: &[Tensor]| {
            let of = |row: &[f64; 3]| i64::from(row[1] > 0.5);
            Ok(column(table(&inputs[0]).iter().map(of).collect::<Vec<i64>>()))
        };
        let found = importances(&signature(DataType::Int64), &ALL, &rows(1000), classes).unwrap();
        assert_eq!(found.iter().map(|(_, share)| *share).collect::<Vec<_>>(), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_model_that_nothing_moves_has_no_importances() {
        let constant = |inputs: &[Tensor]| Ok(column(vec![1.0; inputs[0].rows().unwrap()]));
        let signature = signature(DataType::Fp64);
        assert_eq!(importances(&signature, &ALL, &rows(300), constant), Ok(Vec::new()));
        let broken = |_: &[Tensor]| Err("no".to_owned());
        assert_eq!(importances(&signature, &ALL, &rows(9), broken), Err("no".into()));
    }

    #[test]
    fn a_sample_comes_from_all_over_the_data() {
        let mut sample = Sample::new(10_000, 30, 30).unwrap();
        let all = rows(10_000);
        let counts = [1, 999, 4_000, 5_000];
        let mut parts = crate::tensor::batch::split(&all[0], &counts).unwrap();
        parts.drain(..).zip(counts).for_each(|(part, rows)| sample.add(&[part], rows));
        let taken = sample.finish().unwrap();
        let all = table(&all[0]);
        let expected: Vec<[f64; 3]> = all.into_iter().step_by(16).collect();
        assert_eq!(table(&taken[0]), expected);
        assert!(Sample::new(10, 3, 3).unwrap().finish().is_none());
        assert!(Sample::new(1_000, 1_000, 10_000).is_none(), "that would take minutes");
    }

    #[test]
    fn a_sample_that_is_too_large_is_given_up_and_takes_no_memory() {
        let mut sample = Sample::new(2_000, 2, 2).unwrap();
        let image = Tensor::new(Shape::new(vec![1, 1 << 20]).unwrap(), vec![0u8; 1 << 20].into());
        let image = [image.unwrap()];
        (0..17).for_each(|_| sample.add(&image, 1));
        assert!(sample.parts.is_empty() && sample.finish().is_none());
    }
}
