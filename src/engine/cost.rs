//! What runs of a model cost, by their rows.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::tensor::Tensor;

/// A batch this much dearer per row than the cheapest is as good as the cheapest: smaller
/// batches answer sooner and spread better over cores.
const ABOUT_AS_CHEAP: f64 = 1.1;

/// Gains below this, over a row alone, do not make up for joining rows and splitting them.
const WORTH_JOINING: f64 = 1.15;

/// The same rows may be measured this much dearer the next time.
const NO_DEARER: f64 = 1.05;

/// Or so much, where a row takes less than this time: runs are short, and what else the machine does
/// shows in them.
const NO_DEARER_QUICK: f64 = 1.25;
const QUICK: f64 = 10e-6;

/// A run that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CostPoint {
    /// 1 where rows have no meaning.
    pub rows: usize,
    /// The best of several runs.
    #[serde(rename = "us", serialize_with = "micros")]
    pub time: Duration,
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e6)
}

/// Times of runs of ever more rows, measured by the warm-up with the plans that serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostCurve {
    /// The [weight](Tensor::weight) of the inputs of one row.
    weight: usize,
    points: Vec<CostPoint>,
}

impl CostCurve {
    /// `None` without a point. Rows grow from point to point, and so do times: a larger run
    /// that happened to be quicker says that the smaller one was measured badly.
    #[must_use]
    pub fn new(weight: usize, mut points: Vec<CostPoint>) -> Option<Self> {
        points.sort_by_key(|point| point.rows);
        points.dedup_by_key(|point| point.rows);
        for index in (1..points.len()).rev() {
            points[index - 1].time = points[index - 1].time.min(points[index].time);
        }
        let sound = points.first().is_some_and(|first| first.rows > 0);
        sound.then(|| Self { weight: weight.max(1), points })
    }

    #[must_use]
    pub fn points(&self) -> &[CostPoint] {
        &self.points
    }

    /// One run of so many rows: between two points on the line between them, before the
    /// first and after the last at the cost per row found there.
    #[must_use]
    pub fn of_rows(&self, rows: usize) -> Duration {
        let upper = self.points.partition_point(|point| point.rows < rows);
        let seconds = match (upper.checked_sub(1).map(|i| self.points[i]), self.points.get(upper)) {
            (_, Some(point)) if point.rows == rows => point.time.as_secs_f64(),
            (Some(low), Some(high)) => {
                let share = float(rows - low.rows) / float(high.rows - low.rows);
                let (low, high) = (low.time.as_secs_f64(), high.time.as_secs_f64());
                low + (high - low) * share
            }
            // A run of few rows is not cheaper than the smallest that was measured.
            (None, Some(first)) => first.time.as_secs_f64(),
            (Some(last), None) => last.per_row() * float(rows),
            (None, None) => 0.0,
        };
        Duration::from_secs_f64(seconds)
    }

    /// A run of these inputs, longer than measured where they weigh more. `rows` is `None`
    /// where the model does not count rows.
    #[must_use]
    pub fn of(&self, inputs: &[Tensor], rows: Option<usize>) -> Duration {
        self.of_rows(rows.unwrap_or(1)).mul_f64(self.heaviness(inputs, rows))
    }

    /// How much more a row of these inputs weighs than those that were measured; at least 1.
    #[must_use]
    pub fn heaviness(&self, inputs: &[Tensor], rows: Option<usize>) -> f64 {
        let weight: usize = inputs.iter().map(Tensor::weight).sum();
        (float(weight) / float(self.weight) / float(rows.unwrap_or(1).max(1))).max(1.0)
    }

    /// The rows of a batch worth forming, `most` at most: the fewest whose cost per row is
    /// about the lowest. 1 where company does not pay.
    #[must_use]
    pub fn best_rows(&self, most: usize) -> usize {
        let measured = self.points.iter().copied().filter(|point| point.rows < most);
        let beyond = self.points.last().is_some_and(|last| last.rows < most);
        let largest = CostPoint { rows: most, time: self.of_rows(most) };
        let within = || measured.clone().chain((!beyond && most > 0).then_some(largest));
        let lowest = within().map(|point| point.per_row()).fold(f64::INFINITY, f64::min);
        let best = within().find(|point| point.per_row() <= lowest * ABOUT_AS_CHEAP);
        let alone = self.of_rows(1).as_secs_f64();
        match best {
            Some(best) if alone >= best.per_row() * WORTH_JOINING => best.rows,
            _ => 1,
        }
    }

    /// The rows that run together at the lowest cost a row, whoever waits: for work that is many
    /// rows long. Of sizes that cost about the same, or up to a quarter more where a row takes
    /// microseconds, it is the largest, which needs no cutting; where that is the largest run that
    /// was measured, a longer one is taken to cost no more.
    #[must_use]
    pub fn cheapest_rows(&self) -> usize {
        const LONGER: usize = 4;
        let costs = self.points.iter().map(CostPoint::per_row);
        let least = costs.fold(f64::INFINITY, f64::min);
        let most = least * if least < QUICK { NO_DEARER_QUICK } else { NO_DEARER };
        let best = self.points.iter().rev().find(|point| point.per_row() <= most);
        let (Some(best), Some(last)) = (best, self.points.last()) else { return 1 };
        if best.rows == last.rows && last.rows > 1 { last.rows * LONGER } else { best.rows }
    }

    /// What a row costs in a batch of so many.
    #[must_use]
    pub fn per_row(&self, rows: usize) -> Duration {
        self.of_rows(rows).div_f64(float(rows.max(1)))
    }
}

impl CostPoint {
    /// Seconds.
    #[must_use]
    pub fn per_row(&self) -> f64 {
        self.time.as_secs_f64() / float(self.rows)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows and bytes, for estimates")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(points: &[(usize, u64)]) -> CostCurve {
        let point = |&(rows, micros): &(usize, u64)| CostPoint {
            rows,
            time: Duration::from_micros(micros),
        };
        CostCurve::new(1, points.iter().map(point).collect()).unwrap()
    }

    fn micros(curve: &CostCurve, rows: usize) -> u128 {
        curve.of_rows(rows).as_micros()
    }

    #[test]
    fn between_points_the_cost_lies_between_theirs_and_beyond_the_last_it_is_per_row() {
        let curve = curve(&[(1, 10), (4, 40), (8, 64)]);
        assert_eq!([1, 2, 6, 8].map(|rows| micros(&curve, rows)), [10, 20, 52, 64]);
        assert_eq!([16, 80].map(|rows| micros(&curve, rows)), [128, 640]);
    }

    #[test]
    fn a_network_that_gets_dearer_in_company_runs_row_by_row() {
        let curve = curve(&[(1, 190), (4, 1170), (16, 5990), (64, 24_200)]);
        assert_eq!(curve.best_rows(64), 1);
    }

    #[test]
    fn a_model_that_gets_cheaper_stops_where_more_rows_gain_little() {
        let curve = curve(&[(1, 6), (4, 8), (16, 18), (32, 33), (64, 66)]);
        assert_eq!(curve.best_rows(64), 16);
        assert_eq!(curve.best_rows(8), 8);
        assert_eq!(curve.best_rows(1), 1);
    }

    #[test]
    fn a_gain_within_the_noise_is_none() {
        assert_eq!(curve(&[(1, 100), (2, 190), (4, 370)]).best_rows(4), 1);
    }

    #[test]
    fn work_of_many_rows_is_cut_only_where_smaller_runs_are_cheaper_beyond_noise() {
        let trees = curve(&[(1, 9), (32, 61), (64, 113), (128, 221), (256, 455)]);
        assert_eq!(trees.cheapest_rows(), 1024);
        assert_eq!(curve(&[(1, 190), (4, 1170), (16, 5990)]).cheapest_rows(), 1);
        assert_eq!(curve(&[(1, 100), (2, 160), (4, 324), (8, 800)]).cheapest_rows(), 4);
        // Of few microseconds a row, measured while something else was running.
        assert_eq!(curve(&[(1, 11), (64, 140), (128, 275), (256, 647)]).cheapest_rows(), 1024);
        assert_eq!(curve(&[(1, 11), (64, 140), (128, 275), (256, 700)]).cheapest_rows(), 128);
    }

    #[test]
    fn a_small_run_that_measured_slower_than_a_large_one_is_corrected() {
        assert_eq!(micros(&curve(&[(1, 50), (2, 20), (4, 40)]), 1), 20);
    }

    #[test]
    fn heavier_rows_cost_more_and_lighter_ones_no_less() {
        let shape = |rows, width| crate::tensor::Shape::new(vec![rows, width]).unwrap();
        let zeros = |rows, width| {
            vec![crate::tensor::batch::zeros(shape(rows, width), crate::tensor::DataType::Fp32)]
        };
        let (one, two) = (zeros(1, 16), zeros(2, 32));
        let weight = one[0].weight();
        let points = vec![CostPoint { rows: 1, time: Duration::from_micros(10) }];
        let curve = CostCurve::new(weight, points).unwrap();
        assert_eq!(curve.of(&one, Some(1)).as_micros(), 10);
        assert_eq!(curve.of(&two, Some(2)).as_micros(), 40);
        assert_eq!(curve.of(&zeros(1, 4), Some(1)).as_micros(), 10);
    }

    proptest! {
        #[test]
        fn more_rows_never_cost_less(
            points in proptest::collection::vec((1usize..300, 1u64..10_000), 1..12),
            rows in 1usize..500,
        ) {
            let curve = curve(&points);
            prop_assert!(curve.of_rows(rows) <= curve.of_rows(rows + 1));
        }

        #[test]
        fn the_best_batch_is_within_the_bound_and_no_dearer_per_row_than_one_alone(
            points in proptest::collection::vec((1usize..300, 1u64..10_000), 1..12),
            most in 1usize..300,
        ) {
            let curve = curve(&points);
            let best = curve.best_rows(most);
            prop_assert!((1..=most).contains(&best));
            prop_assert!(curve.per_row(best) <= curve.per_row(1));
        }
    }
}
