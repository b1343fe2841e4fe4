//! How the answers of a shadow compare with those that callers got.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::Signature;
use crate::tensor::{Data, Tensor};

/// Scores of single columns agree if they differ by less than this share.
const TOLERANCE: f64 = 0.01;

/// One answer beside the other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Compared {
    pub rows: u64,
    /// Rows with the same labels; without labels, rows with the same largest score, or a
    /// single score within 1 %.
    pub agreed: u64,
    /// Numbers compared.
    pub values: u64,
    /// Sum of their absolute differences.
    pub difference: f64,
}

impl Compared {
    /// Compares outputs of the same name. `None` if the shadow lacks one, or has it in
    /// another shape or type.
    #[must_use]
    pub fn of(
        (signature, outputs): (&Signature, &[Tensor]),
        (shadow_signature, shadow_outputs): (&Signature, &[Tensor]),
    ) -> Option<Self> {
        let mut pairs = Vec::with_capacity(outputs.len());
        for (spec, output) in signature.outputs.iter().zip(outputs) {
            let (position, _) = shadow_signature.output(&spec.name)?;
            let other = shadow_outputs.get(position)?;
            if output.shape() != other.shape() || output.data_type() != other.data_type() {
                return None;
            }
            pairs.push((output, other));
        }
        let rows = common_rows(&pairs).unwrap_or(1);
        let mut compared = Self { rows: rows as u64, ..Self::default() };
        for (output, other) in &pairs {
            let (Some(left), Some(right)) = (numbers(output.data()), numbers(other.data())) else {
                continue;
            };
            let differences = left.iter().zip(&right).map(|(a, b)| (a - b).abs());
            let finite = differences.filter(|difference| difference.is_finite());
            for difference in finite {
                compared.values += 1;
                compared.difference += difference;
            }
        }
        compared.agreed = agreeing_rows(&pairs, rows);
        Some(compared)
    }
}

/// The rows that all outputs have, if they have as many.
fn common_rows(pairs: &[(&Tensor, &Tensor)]) -> Option<usize> {
    let rows = pairs.first()?.0.rows()?;
    pairs.iter().all(|(output, _)| output.rows() == Some(rows)).then_some(rows)
}

fn agreeing_rows(pairs: &[(&Tensor, &Tensor)], rows: usize) -> u64 {
    let any_labels = pairs.iter().any(|(output, _)| scores(output.data()).is_none());
    let mut agrees = vec![true; rows];
    for (output, other) in pairs {
        let cells = output.data().len().checked_div(rows).unwrap_or(0);
        let row = |row: usize| row * cells..(row + 1) * cells;
        match (scores(output.data()), scores(other.data())) {
            (Some(_), Some(_)) if any_labels => {}
            (Some(left), Some(right)) => {
                for (at, agrees) in agrees.iter_mut().enumerate() {
                    *agrees &= same_scores(&left[row(at)], &right[row(at)]);
                }
            }
            _ => {
                for (at, agrees) in agrees.iter_mut().enumerate() {
                    *agrees &= same_labels(output.data(), other.data(), row(at));
                }
            }
        }
    }
    agrees.into_iter().filter(|&agrees| agrees).count() as u64
}

fn same_scores(left: &[f64], right: &[f64]) -> bool {
    if let (&[a], &[b]) = (left, right) {
        return (a - b).abs() <= TOLERANCE * a.abs() || (a.is_nan() && b.is_nan());
    }
    largest(left) == largest(right)
}

fn largest(scores: &[f64]) -> Option<usize> {
    let numbered = scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
    numbered.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(at, _)| at)
}

fn same_labels(left: &Data, right: &Data, row: std::ops::Range<usize>) -> bool {
    match (left, right) {
        (Data::Bytes(left), Data::Bytes(right)) => left[row.clone()] == right[row],
        _ => match (numbers(left), numbers(right)) {
            (Some(left), Some(right)) => left[row.clone()] == right[row],
            _ => false,
        },
    }
}

/// Floating numbers: what models score with. Whole numbers, truth values and texts are
/// labels.
fn scores(data: &Data) -> Option<Vec<f64>> {
    matches!(data, Data::Fp16(_) | Data::Fp32(_) | Data::Fp64(_)).then(|| numbers(data)).flatten()
}

#[expect(clippy::cast_precision_loss, reason = "a comparison needs no more digits")]
fn numbers(data: &Data) -> Option<Vec<f64>> {
    Some(match data {
        Data::Bool(values) => values.iter().map(|&value| f64::from(u8::from(value))).collect(),
        Data::Uint8(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Uint16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Uint32(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Uint64(values) => values.iter().map(|&value| value as f64).collect(),
        Data::Int8(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Int16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Int32(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Int64(values) => values.iter().map(|&value| value as f64).collect(),
        Data::Fp16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Fp32(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Fp64(values) => values.clone(),
        Data::Bytes(_) => return None,
    })
}

/// Totals of a shadow since it began to serve.
#[derive(Debug, Default)]
pub struct Comparison {
    answers: AtomicU64,
    rows: AtomicU64,
    agreed: AtomicU64,
    values: AtomicU64,
    /// Of `f64`.
    difference_bits: AtomicU64,
    live_nanos: AtomicU64,
    shadow_nanos: AtomicU64,
}

impl Comparison {
    /// Adds one comparison, and how long both models ran.
    pub fn add(&self, compared: &Compared, live: Duration, shadow: Duration) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(compared.rows, Ordering::Relaxed);
        self.agreed.fetch_add(compared.agreed, Ordering::Relaxed);
        self.values.fetch_add(compared.values, Ordering::Relaxed);
        self.live_nanos.fetch_add(nanos(live), Ordering::Relaxed);
        self.shadow_nanos.fetch_add(nanos(shadow), Ordering::Relaxed);
        let added = |bits| Some((f64::from_bits(bits) + compared.difference).to_bits());
        // The closure always gives a value.
        let _ = self.difference_bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added);
    }

    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Share of rows that agree, from 0 to 1.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        share(self.agreed.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }

    /// Mean of the absolute differences of all numbers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more digits")]
    pub fn mean_absolute_difference(&self) -> Option<f64> {
        let values = self.values.load(Ordering::Relaxed);
        let difference = f64::from_bits(self.difference_bits.load(Ordering::Relaxed));
        (values > 0).then(|| difference / values as f64)
    }

    /// Run time of the shadow over that of the versions that answered.
    #[must_use]
    pub fn latency_ratio(&self) -> Option<f64> {
        let live = self.live_nanos.load(Ordering::Relaxed);
        share(self.shadow_nanos.load(Ordering::Relaxed), live)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, TensorSpec};
    use crate::tensor::{DataType, Shape};

    fn signature(names: &[&str]) -> Signature {
        let spec = |name: &&str| TensorSpec {
            name: (*name).to_owned(),
            data_type: DataType::Fp32,
            dims: Some(vec![Dim::Unknown]),
            columns: None,
        };
        Signature { inputs: Vec::new(), outputs: names.iter().map(spec).collect() }
    }

    fn tensor(dims: &[usize], data: Data) -> Tensor {
        Tensor::new(Shape::new(dims.to_vec()).unwrap(), data).unwrap()
    }

    #[test]
    fn labels_decide_where_there_are_some_and_every_number_counts_for_the_difference() {
        let answer = |labels: [i64; 2], scores: [f32; 4]| {
            [tensor(&[2], labels.to_vec().into()), tensor(&[2, 2], scores.to_vec().into())]
        };
        let (live, shadow) =
            (answer([0, 1], [0.9, 0.1, 0.4, 0.6]), answer([0, 0], [0.8, 0.2, 0.6, 0.4]));
        let names = signature(&["label", "scores"]);
        let compared = Compared::of((&names, &live), (&names, &shadow)).unwrap();
        assert_eq!((compared.rows, compared.agreed, compared.values), (2, 1, 6));
        assert!((compared.difference - 1.6).abs() < 1e-6, "{compared:?}");
    }

    #[test]
    fn without_labels_the_largest_score_decides_or_one_percent_of_a_single_one() {
        let names = signature(&["y"]);
        let agreed = |dims: &[usize], live: Vec<f32>, shadow: Vec<f32>| {
            let (live, shadow) = ([tensor(dims, live.into())], [tensor(dims, shadow.into())]);
            Compared::of((&names, &live), (&names, &shadow)).unwrap().agreed
        };
        assert_eq!(agreed(&[2, 2], vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 9.0, 5.0, 4.0]), 1);
        assert_eq!(agreed(&[3], vec![100.0, 100.0, f32::NAN], vec![100.5, 102.0, f32::NAN]), 2);
    }

    #[test]
    fn outputs_are_matched_by_name_and_others_cannot_be_compared() {
        let live = [tensor(&[1], vec![1f32].into()), tensor(&[1], vec![2f32].into())];
        let turned = [live[1].clone(), live[0].clone()];
        let names = signature(&["a", "b"]);
        let same = Compared::of((&names, &live), (&signature(&["b", "a"]), &turned)).unwrap();
        assert_eq!((same.agreed, same.values), (1, 2));
        assert_eq!(Compared::of((&names, &live), (&signature(&["a"]), &turned)), None);
        let longer = [live[0].clone(), tensor(&[2], vec![1f32, 2.0].into())];
        assert_eq!(Compared::of((&names, &live), (&names, &longer)), None);
    }

    #[test]
    fn totals_become_rates() {
        let comparison = Comparison::default();
        assert_eq!((comparison.agreement(), comparison.latency_ratio()), (None, None));
        let compared = Compared { rows: 4, agreed: 3, values: 8, difference: 2.0 };
        comparison.add(&compared, Duration::from_millis(2), Duration::from_millis(3));
        comparison.add(&compared, Duration::from_millis(2), Duration::from_millis(3));
        assert_eq!(comparison.agreement(), Some(0.75));
        assert_eq!(comparison.mean_absolute_difference(), Some(0.25));
        assert_eq!(comparison.latency_ratio(), Some(1.5));
    }
}
