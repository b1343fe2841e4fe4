//! Awaited in the test of the rules: what keeps its promise, what does not, and truths that stay
//! away.

use super::{BROKEN, Expected, begin, firing, line, series};
use crate::drift::metrics::BINS;
use crate::drift::rules::alerts::Severity;
use crate::drift::rules::quality::{
    BELOW_ESTIMATE, BROKEN_PROMISE, ERRORS, ESTIMATE_LOW, EXPECTED, FEEDBACK, LOSSES, LOW,
    NO_TRUTH, OUTCOMES, PREDICTIONS,
};
use crate::drift::rules::{Awaited, Rules};
use crate::drift::windows::Source;

/// Predictions whose truth comes, a step.
const ROWS: f64 = 1_000.0;

/// What comes true of them.
#[derive(Clone, Copy)]
struct Truth {
    accuracy: f64,
    promised: f64,
    absolute_error: f64,
}

/// Series of a version that is as good as it can be, for so many steps.
pub(super) fn good(rules: &Rules, steps: u32, text: &mut String) {
    let truth = Truth { accuracy: 1.0, promised: 1.0, absolute_error: 0.0 };
    counted(rules, truth, steps, text);
}

pub(super) fn rehearsed(rules: &Rules, step: &str, text: &mut String) {
    let Some(quality) = rules.quality else { return };
    let truth = bad(quality);
    begin(text, step, "predictions come true too seldom");
    still_counted(rules, text);
    counted(rules, truth, BROKEN, text);
    line(text, 4, "promql_expr_test", "");
    firing(rules, BROKEN, &expected(quality, truth), text);

    begin(text, step, "truths stay away");
    still_counted(rules, text);
    let version = rules.of_version();
    let accepted = version.with("result", "accepted");
    series(text, &format!("{PREDICTIONS}{version}"), &format!("0+{ROWS}x{BROKEN}"));
    series(text, &format!("{FEEDBACK}{accepted}"), &format!("{ROWS}x{BROKEN}"));
    line(text, 4, "promql_expr_test", "");
    let expected =
        Expected { alert: NO_TRUTH, severity: Severity::Ticket, source: None, feature: None };
    firing(rules, BROKEN, &[expected], text);
}

/// Drift has nothing to say.
fn still_counted(rules: &Rules, text: &mut String) {
    if let Some(feature) = rules.features().first() {
        series(
            text,
            &format!("{BINS}{}", rules.bin(feature, Source::Request, "0")),
            &format!("0x{BROKEN}"),
        );
    }
}

/// Worse than is demanded, and than is promised.
fn bad(quality: Awaited) -> Truth {
    match quality {
        Awaited::Scores { least_accuracy } | Awaited::Labels { least_accuracy } => {
            let least = least_accuracy.unwrap_or(0.8);
            let (accuracy, promised) = ((least - 0.2).max(0.0), (least - 0.05).max(0.0));
            Truth { accuracy, promised, absolute_error: 0.0 }
        }
        Awaited::Values { most_error } => {
            let absolute_error = most_error.unwrap_or_default() * 2.0 + 1.0;
            Truth { accuracy: 1.0, promised: 1.0, absolute_error }
        }
    }
}

fn expected(quality: Awaited, truth: Truth) -> Vec<Expected> {
    let Truth { accuracy, promised, absolute_error } = truth;
    let noise =
        |share: f64| ERRORS * (share * (1.0 - share) / (ROWS * f64::from(BROKEN - 1))).sqrt();
    let low = |least: Option<f64>| least.is_some_and(|least| accuracy < least - noise(least));
    let fires = match quality {
        Awaited::Scores { least_accuracy } => [
            (low(least_accuracy), LOW, Severity::Page),
            (
                accuracy < promised - BROKEN_PROMISE - noise(promised),
                BELOW_ESTIMATE,
                Severity::Page,
            ),
            (least_accuracy.is_some_and(|least| promised < least), ESTIMATE_LOW, Severity::Ticket),
        ]
        .to_vec(),
        Awaited::Labels { least_accuracy } => vec![(low(least_accuracy), LOW, Severity::Page)],
        Awaited::Values { most_error } => {
            vec![(most_error.is_some_and(|most| absolute_error > most), LOW, Severity::Page)]
        }
    };
    let fires = fires.into_iter().filter(|(fires, ..)| *fires);
    fires
        .map(|(_, alert, severity)| Expected { alert, severity, source: None, feature: None })
        .collect()
}

fn counted(rules: &Rules, truth: Truth, steps: u32, text: &mut String) {
    let Some(quality) = rules.quality else { return };
    let version = rules.of_version();
    let mut grows = |series_of: String, by: f64| {
        series(text, &series_of, &format!("0+{}x{steps}", (by * 1e6).round() / 1e6));
    };
    grows(format!("{PREDICTIONS}{version}"), ROWS);
    grows(format!("{FEEDBACK}{}", version.with("result", "accepted")), ROWS);
    if let Awaited::Values { .. } = quality {
        let loss = version.with("loss", "absolute_error");
        return grows(format!("{LOSSES}{loss}"), truth.absolute_error * ROWS);
    }
    // Twice as many on one side, as real classes are.
    for (class, share) in [("positive", 1.0 / 3.0), ("negative", 2.0 / 3.0)] {
        let other = if class == "positive" { "negative" } else { "positive" };
        let predicted = version.with("predicted", class);
        for (actual, right) in [(class, true), (other, false)] {
            let pair = predicted.with("actual", actual);
            let of = |accuracy: f64| {
                let part = if right { accuracy } else { 1.0 - accuracy };
                part * share * ROWS
            };
            grows(format!("{OUTCOMES}{pair}"), of(truth.accuracy));
            if let Awaited::Scores { .. } = quality {
                grows(format!("{EXPECTED}{pair}"), of(truth.promised));
            }
        }
    }
}
