//! The figures of quality agree with nannyml's estimates and with scikit-learn, given the same
//! scores.
//!
//! `tests/statistics/quality.py` wrote what they gave.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use onnxd::stats::binary::{ByDecision, Figures, SCORE_BINS, Scored, score_bin};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    scores: Vec<f64>,
    truth: Vec<u8>,
    estimated: Expected,
    realised: Expected,
}

#[derive(Deserialize)]
struct Expected {
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    auc: f64,
}

fn cases() -> Vec<Case> {
    let text = include_str!("fixtures/quality.json");
    let cases: Vec<Case> = serde_json::from_str(text).expect("the fixture can be read");
    assert_eq!(cases.len(), 4, "the fixture has lost cases");
    cases
}

fn rows(case: &Case, positives: impl Fn(f64, u8) -> f64) -> ByDecision {
    let mut rows = [[Scored::default(); SCORE_BINS]; 2];
    for (score, truth) in case.scores.iter().zip(&case.truth) {
        let one = Scored { rows: 1, sum: *score, positives: positives(*score, *truth) };
        rows[usize::from(*score >= 0.5)][score_bin(*score)].add(&one);
    }
    rows
}

/// The area is that of scores in bins; all else follows from sums.
fn assert_near(found: &Figures, expected: &Expected) {
    let figures = [
        (found.accuracy, expected.accuracy, 1e-12),
        (found.precision, expected.precision, 1e-12),
        (found.recall, expected.recall, 1e-12),
        (found.f1, expected.f1, 1e-12),
        (found.auc, expected.auc, 1e-3),
    ];
    for (place, (found, expected, tolerance)) in figures.into_iter().enumerate() {
        let found = found.expect("there are rows of both classes");
        assert!((found - expected).abs() <= tolerance, "figure {place}: {found}, {expected}");
    }
}

#[test]
fn estimates_are_those_of_nannyml() {
    for case in cases() {
        let expected = rows(&case, |score, _| score);
        assert_near(&Figures::of(&expected), &case.estimated);
    }
}

#[test]
fn what_came_true_is_scored_as_scikit_learn_does() {
    for case in cases() {
        let known = rows(&case, |_, truth| f64::from(truth));
        assert_near(&Figures::of(&known), &case.realised);
    }
}
