//! The score of a version on data with known answers, against a bar and against the version
//! that serves.

mod metrics;
mod outputs;
mod predictions;

use std::fmt::Write;
use std::iter;

use super::{Bar, Candidate, Checked, Figure, Verdict, runner};
use crate::engine::LoadedModel;
use crate::repository::{Evaluation, Version};
use crate::table::{Cell, Rows, Table};
use metrics::Tally;
use predictions::Predictions;

/// Rows that run together at most.
const BATCH: usize = 1000;

pub(super) fn check(candidate: &Candidate, figures: &mut Vec<Figure>) -> Checked {
    let Some(evaluation) = &candidate.settings.gate.evaluation else {
        return Ok(Verdict::Skipped("no evaluation is set".to_owned()));
    };
    let path = candidate.files.model_directory().join(&evaluation.data);
    let name = evaluation.data.display();
    let table = Table::open(&path).map_err(|reason| format!("{name}: {reason}"))?;
    let target =
        table.position(&evaluation.target).map_err(|reason| format!("{name}: {reason}"))?;
    let mut subject = Subject::new(candidate.loaded, &table.columns, target, evaluation)
        .map_err(|reason| format!("{name}: {reason}"))?;
    // Without that bar the old version's score decides nothing.
    let live = candidate.live.filter(|_| evaluation.not_worse_than_live_by.is_some());
    let mut live = match live {
        None => None,
        Some((version, loaded)) => {
            let live = Subject::new(loaded, &table.columns, target, evaluation)
                .map_err(|reason| of_live(version, &reason))?;
            Some((version, live))
        }
    };
    let mut first = 0;
    let mut cells = table.rows;
    loop {
        let batch: Vec<Vec<Cell>> = cells
            .by_ref()
            .take(BATCH)
            .collect::<Result<_, _>>()
            .map_err(|reason| format!("{name}: {reason}"))?;
        if batch.is_empty() {
            break;
        }
        subject.add(&batch, first, candidate).map_err(|reason| format!("{name}: {reason}"))?;
        if let Some((version, live)) = &mut live {
            live.add(&batch, first, candidate).map_err(|reason| of_live(*version, &reason))?;
        }
        first += batch.len();
    }
    let score = subject.tally.score().map_err(|reason| format!("{name}: {reason}"))?;
    let live = match live {
        None => None,
        Some((version, subject)) => {
            let score = subject.tally.score().map_err(|reason| of_live(version, &reason))?;
            Some((version, score))
        }
    };
    judge(evaluation, score, first, live, figures)
}

fn of_live(version: Version, reason: &str) -> String {
    format!("live version {version} cannot be scored to compare with: {reason}")
}

/// A model that is being scored.
struct Subject<'a> {
    loaded: &'a dyn LoadedModel,
    rows: Rows<'a>,
    predictions: Predictions,
    target: usize,
    tally: Tally,
}

impl<'a> Subject<'a> {
    fn new(
        loaded: &'a dyn LoadedModel,
        columns: &[String],
        target: usize,
        evaluation: &Evaluation,
    ) -> Result<Self, String> {
        let signature = loaded.signature();
        let positive = evaluation.positive.as_deref();
        Ok(Self {
            loaded,
            rows: Rows::new(signature, columns, &[target])?,
            predictions: Predictions::new(signature, evaluation.metric, positive)?,
            target,
            tally: Tally::new(evaluation.metric),
        })
    }

    /// Runs a batch; `first` is the number of its first row, for messages.
    fn add(
        &mut self,
        batch: &[Vec<Cell>],
        first: usize,
        candidate: &Candidate,
    ) -> Result<(), String> {
        let size = self.loaded.signature().rows_of_a_run(BATCH)?;
        for (number, rows) in batch.chunks(size).enumerate() {
            let first = first + number * size;
            let inputs = self.rows.tensors(rows, first)?;
            let outputs = runner::run(self.loaded, &inputs, candidate.cancelled)?;
            let truths = rows.iter().enumerate().map(|(row, cells)| {
                let truth = cells.get(self.target).filter(|cell| !cell.is_missing());
                truth.ok_or_else(|| format!("row {}: the target is missing", first + row))
            });
            let truths = truths.collect::<Result<Vec<_>, _>>()?;
            self.predictions.add(&outputs, &truths, first, &mut self.tally)?;
        }
        Ok(())
    }
}

fn judge(
    evaluation: &Evaluation,
    score: f64,
    rows: usize,
    live: Option<(Version, f64)>,
    figures: &mut Vec<Figure>,
) -> Checked {
    let metric = evaluation.metric;
    let mut scores = iter::once(score).chain(live.map(|(_, live)| live));
    if let Some(endless) = scores.find(|score| !score.is_finite()) {
        return Err(format!("{} is {endless}, which is no score", metric.as_str()));
    }
    let (bar, sign, of): (_, _, fn(f64) -> Bar) = if metric.larger_is_better() {
        (evaluation.min, -1.0, Bar::AtLeast)
    } else {
        (evaluation.max, 1.0, Bar::AtMost)
    };
    let bar_text = bar.map_or_else(String::new, |bar| format!(" (bar {})", figure(bar)));
    let mut detail = format!("{} {}{bar_text}", metric.as_str(), figure(score));
    let mut failed = bar.is_some_and(|bar| !of(bar).holds(score));
    figures.push(Figure::of(metric.as_str(), score, bar.map(of)));
    match (evaluation.not_worse_than_live_by, live) {
        (Some(margin), Some((version, live))) => {
            // Writing into a string cannot fail.
            let _ = write!(detail, ", live version {version}: {}", figure(live));
            let bar = of(live + sign * margin);
            let of_live = Figure::of(metric.as_str(), score, Some(bar));
            figures.push(Figure { live_version: Some(version), ..of_live });
            if !bar.holds(score) {
                failed = true;
                let _ = write!(detail, ", worse by more than {}", figure(margin));
            }
        }
        (Some(_), None) => detail += ", no live version to compare with",
        (None, _) => {}
    }
    let _ = write!(detail, ", {rows} rows");
    if failed { Err(detail) } else { Ok(Verdict::Passed(detail)) }
}

/// Small losses keep their digits.
fn figure(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.01 { format!("{value:.4}") } else { format!("{value:.3e}") }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::repository::Metric;

    fn evaluation(metric: Metric) -> Evaluation {
        Evaluation {
            data: PathBuf::from("eval.csv"),
            target: "late".to_owned(),
            metric,
            positive: None,
            min: metric.larger_is_better().then_some(0.7),
            max: (!metric.larger_is_better()).then_some(0.7),
            not_worse_than_live_by: Some(0.01),
        }
    }

    fn judged(metric: Metric, score: f64, live: Option<f64>) -> Result<String, String> {
        let live = live.map(|live| (1, live));
        match judge(&evaluation(metric), score, 10, live, &mut Vec::new())? {
            Verdict::Passed(detail) | Verdict::Skipped(detail) => Ok(detail),
        }
    }

    #[test]
    fn a_score_is_judged_by_its_bar_and_by_the_live_version() {
        assert_eq!(
            judged(Metric::Auc, 0.723, Some(0.706)),
            Ok("auc 0.7230 (bar 0.7000), live version 1: 0.7060, 10 rows".to_owned())
        );
        assert!(judged(Metric::Auc, 0.699, Some(0.5)).is_err());
        assert!(judged(Metric::Auc, 0.8, Some(0.805)).is_ok());
        assert_eq!(
            judged(Metric::Auc, 0.8, Some(0.82)),
            Err("auc 0.8000 (bar 0.7000), live version 1: 0.8200, worse by more than 0.0100, 10 rows"
                .to_owned())
        );
    }

    #[test]
    fn figures_stand_beside_the_bars_that_they_are_held_against() {
        let mut figures = Vec::new();
        let _ = judge(&evaluation(Metric::Auc), 0.5, 10, Some((7, 0.75)), &mut figures);
        let told = serde_json::to_value(&figures).unwrap();
        let expected = serde_json::json!([
            { "name": "auc", "measured": 0.5, "at_least": 0.7 },
            { "name": "auc", "measured": 0.5, "at_least": 0.74, "live_version": 7 },
        ]);
        assert_eq!(told, expected);
        figures.clear();
        let mut without = evaluation(Metric::Rmse);
        without.max = None;
        let _ = judge(&without, 0.5, 10, None, &mut figures);
        let told = serde_json::to_value(&figures).unwrap();
        assert_eq!(told, serde_json::json!([{ "name": "rmse", "measured": 0.5 }]));
    }

    #[test]
    fn a_score_without_end_passes_no_bar() {
        assert!(judged(Metric::Rmse, f64::INFINITY, None).is_err());
        assert!(judged(Metric::Rmse, 0.1, Some(f64::INFINITY)).is_err());
    }

    #[test]
    fn errors_are_better_when_smaller() {
        assert!(judged(Metric::Rmse, 0.69, None).is_ok());
        assert!(judged(Metric::Rmse, 0.71, None).is_err());
        assert!(judged(Metric::LogLoss, 0.5, Some(0.495)).is_ok());
        assert!(judged(Metric::LogLoss, 0.5, Some(0.48)).is_err());
    }
}
