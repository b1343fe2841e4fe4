//! Measures what runs of ever more rows cost.

use std::sync::Arc;
use std::time::Duration;

use super::{Probe, ROWS_TOGETHER};
use crate::courtesy::Stopwatch;
use crate::engine::tract::model::Shared;
use crate::engine::tract::plan::TractPlan;
use crate::engine::tract::probe;
use crate::engine::{CostCurve, CostPoint, Plan};
use crate::tensor::{Shape, Tensor};

/// Runs of one plan on inputs of one shape: the best of them counts.
const MAX_RUNS: usize = 20;
const RUNS_BUDGET: Duration = Duration::from_millis(6);

/// The sizes to measure, and the time for all of them together.
const MAX_ROWS: usize = 256;
const BUDGET: Duration = Duration::from_millis(60);

/// So many times the budget is spent on the first two sizes of slow models.
const PATIENCE: u32 = 5;

/// A row in a batch of twice the size must cost this share of one in the best so far for
/// the larger batch to have gained anything.
const GAINED: f64 = 0.95;

/// Sizes in a row without a gain after which no larger one is tried: the curves of most
/// networks rise from the second row on.
const HOPELESS: usize = 2;

/// How often, and how long, a size that seems dearer than a smaller one is measured again with it. Runs
/// that take longer are not spoiled by a moment.
const MOST_TURNS: usize = 3;
const TURNS_BUDGET: Duration = Duration::from_millis(10);

/// What the self-test of rows ran.
pub(super) struct Sized {
    /// Given to open dimensions other than the rows.
    pub(super) size: usize,
    /// For one row, and for [`ROWS_TOGETHER`] rows; the same plan if it takes any rows.
    pub(super) alone: Arc<TractPlan>,
    pub(super) together: Arc<TractPlan>,
}

/// Measures the last size and the cheapest one again, in turns, while the last one seems dearer: the
/// machine may have been slow for a moment.
fn settle(points: &mut [CostPoint], measure: impl Fn(usize) -> Option<CostPoint>) {
    let started = Stopwatch::start();
    for _ in 0..MOST_TURNS {
        let Some((last, others)) = points.split_last_mut() else { return };
        let cheapest = others.iter_mut().min_by(|a, b| a.per_row().total_cmp(&b.per_row()));
        let Some(cheapest) = cheapest else { return };
        let turn = cheapest.time + last.time;
        if last.per_row() <= cheapest.per_row() || started.elapsed() + turn > TURNS_BUDGET {
            return;
        }
        for point in [cheapest, last] {
            let Some(again) = measure(point.rows) else { return };
            point.time = point.time.min(again.time);
        }
    }
}

impl Shared {
    /// The best of a few runs in processor time, since loading runs when nobody else wants
    /// to; or why the values do not run.
    pub(super) fn measure(&self, plan: &TractPlan, shapes: &[Shape]) -> Result<Duration, String> {
        let inputs = probe::values(&self.signature, shapes).ok_or("no values to try")?;
        let started = Stopwatch::start();
        let mut best = Duration::MAX;
        for _ in 0..MAX_RUNS {
            let run = Stopwatch::start();
            plan.run(&inputs)
                .map_err(|error| format!("the warm-up's made-up values do not run: {error}"))?;
            best = best.min(run.elapsed());
            if started.elapsed() > RUNS_BUDGET {
                break;
            }
        }
        Ok(best)
    }

    /// The curve of a model whose rows mean nothing, or only together.
    pub(super) fn one_point(&self, time: Duration, shapes: &[Shape]) -> Option<CostCurve> {
        let weight = probe::values(&self.signature, shapes)?.iter().map(Tensor::weight).sum();
        CostCurve::new(weight, vec![CostPoint { rows: 1, time }])
    }

    /// The curve of a model whose rows stand alone. Where each shape needs a plan of its own
    /// only the sizes are measured that there are plans for; `measured` is what one run of the
    /// probe's shapes takes, by the plan that will serve them.
    pub(super) fn curve(
        &self,
        sized: &Sized,
        symbolic: Option<&Arc<TractPlan>>,
        (probe, measured): (&Probe, Duration),
    ) -> Option<CostCurve> {
        let shapes = |rows| probe::shapes(&self.signature, rows, sized.size);
        let one = shapes(1)?;
        let known = (probe.shapes == one).then_some(measured);
        let mut points = Vec::new();
        let measure = |plan: &TractPlan, rows| {
            let known = known.filter(|_| rows == 1);
            let time = known.or_else(|| self.measure(plan, &shapes(rows)?).ok())?;
            Some(CostPoint { rows, time })
        };
        match symbolic {
            None => {
                points.extend(measure(&sized.alone, 1));
                points.extend(measure(&sized.together, ROWS_TOGETHER));
            }
            Some(plan) => {
                points.push(measure(plan, 1)?);
                let mut best = points[0].per_row();
                let (started, mut hopeless) = (Stopwatch::start(), 0);
                for power in 1..=MAX_ROWS.ilog2() {
                    let rows: u32 = 1 << power;
                    let spent = started.elapsed();
                    // Two sizes are enough to say how costs grow, and for those there is more time.
                    let budget = if power <= 2 { PATIENCE * BUDGET } else { BUDGET };
                    let fits = spent.as_secs_f64() + best * f64::from(rows) < budget.as_secs_f64();
                    if !fits || hopeless == HOPELESS {
                        break;
                    }
                    let Some(point) = measure(plan, rows as usize) else { break };
                    points.push(point);
                    settle(&mut points, |rows| measure(plan, rows));
                    let last = points.last().map_or(best, CostPoint::per_row);
                    hopeless = if last < best * GAINED { 0 } else { hopeless + 1 };
                    best = best.min(last);
                }
            }
        }
        let weight = probe::values(&self.signature, &one)?.iter().map(Tensor::weight).sum();
        CostCurve::new(weight, points)
    }
}
