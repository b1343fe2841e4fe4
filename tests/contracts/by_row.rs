//! Rows of a batch are judged as requests of these rows alone would be.

use std::collections::BTreeMap;

use onnxd::contract::{Code, Contract, Document, FeatureRule, Mode, Number, OutputRule};
use onnxd::tensor::DataType;
use proptest::prelude::*;

use crate::random::case;
use crate::table::{Cell, Input, signature, tensors};

/// Violations that are listed of one row.
const MOST: usize = 8;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_row_is_bad_exactly_where_a_request_of_it_alone_is_refused(
        (inputs, document, rows) in case()
    ) {
        let compiled = || Contract::new(&document, &signature(&inputs));
        let alone = compiled().map_err(TestCaseError::fail)?;
        let (mut expected, mut total, mut warned) = (BTreeMap::new(), 0, 0);
        for row in 0..rows {
            let of_row: Vec<Input> = inputs.iter().map(|input| only(input, row)).collect();
            match alone.inputs(tensors(&of_row), |input| input) {
                Ok((_, passed)) => warned += passed.warned,
                Err(refusal) => {
                    total += refusal.total;
                    let found = refusal.violations.into_iter().take(MOST);
                    let found = found.map(|it| (it.feature, it.code, it.expected));
                    expected.insert(row, found.collect::<Vec<(String, Code, String)>>());
                }
            }
        }
        let together = compiled().map_err(TestCaseError::fail)?;
        let (same, verdicts, passed) = together.rows(tensors(&inputs));
        let mut found: BTreeMap<usize, Vec<(String, Code, String)>> = BTreeMap::new();
        for bad in verdicts.rows() {
            prop_assert!(bad.violations.iter().all(|it| it.row == Some(bad.row)));
            let of = bad.violations.iter().cloned().map(|it| (it.feature, it.code, it.expected));
            found.insert(bad.row, of.collect());
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(verdicts.total(), total);
        prop_assert!(passed.warned >= warned);
        prop_assert_eq!(same.len(), inputs.len());
        prop_assert_eq!(together.report().rows, alone.report().rows);
    }
}

fn only(input: &Input, row: usize) -> Input {
    let cells = input.cells[row * input.width..(row + 1) * input.width].to_vec();
    Input { name: input.name.clone(), data_type: input.data_type, width: input.width, cells }
}

#[test]
fn every_row_of_a_large_batch_is_named_and_lists_stay_short() {
    let (rows, width) = (65_536, 12);
    let cells = (0..rows * width).map(|_| Cell::Real(2.0)).collect();
    let input = Input { name: "x".to_owned(), data_type: DataType::Fp64, width, cells };
    let rule = |column| FeatureRule {
        name: format!("x[{column}]"),
        max: Some(Number::Real(1.0)),
        mode: Some(Mode::Reject),
        ..FeatureRule::default()
    };
    let features = (0..width).map(rule).collect();
    let document = Document { features, max_rows: Some(10), ..Document::default() };
    let inputs = [input];
    let contract = Contract::new(&document, &signature(&inputs)).expect("it fits");
    let (_, verdicts, _) = contract.rows(tensors(&inputs));
    assert_eq!(verdicts.rows().len(), rows);
    assert_eq!(verdicts.total(), (rows * width) as u64);
    let listed: usize = verdicts.rows().map(|bad| bad.violations.len()).sum();
    assert_eq!(listed, 2 * 65_536);
}

fn reals(name: &str, numbers: &[f64]) -> Input {
    let cells = numbers.iter().copied().map(Cell::Real).collect();
    Input { name: name.to_owned(), data_type: DataType::Fp64, width: 1, cells }
}

fn at_most(name: &str, max: f64, mode: Mode) -> FeatureRule {
    let (name, max, mode) = (name.to_owned(), Some(Number::Real(max)), Some(mode));
    FeatureRule { name, max, mode, clip: mode == Some(Mode::Repair), ..FeatureRule::default() }
}

#[test]
fn good_rows_are_repaired_beside_bad_ones_and_the_quarantine_has_what_came() {
    let inputs = [reals("x", &[5.0, 12.0, 13.0]), reals("y", &[0.0, 2.0, 0.0])];
    let features = vec![at_most("x", 10.0, Mode::Repair), at_most("y", 1.0, Mode::Quarantine)];
    let document = Document { features, values: true, ..Document::default() };
    let contract = Contract::new(&document, &signature(&inputs)).expect("it fits");
    let (repaired, verdicts, passed) = contract.rows(tensors(&inputs));
    assert_eq!(verdicts.rows().map(|bad| bad.row).collect::<Vec<_>>(), [1]);
    assert_eq!(passed.repaired, 2);
    assert_eq!(repaired[0].data().as_slice::<f64>(), Some(&[5.0, 10.0, 10.0][..]));
    let kept = contract.quarantine();
    assert_eq!(kept.lines().count(), 1, "{kept}");
    assert!(kept.contains("12") && !kept.contains("10.0"), "{kept}");
}

#[test]
fn predictions_are_judged_row_by_row() {
    let (inputs, score) = ([reals("x", &[1.0])], reals("score", &[0.5, 7.0, 0.1, 9.0]));
    let rule = |mode| OutputRule {
        name: "score".to_owned(),
        max: Some(Number::Real(1.0)),
        mode: Some(mode),
        ..OutputRule::default()
    };
    let mut signature = signature(&inputs);
    signature.outputs.push(score.spec());
    let judged = |mode| {
        let document = Document { outputs: vec![rule(mode)], ..Document::default() };
        Contract::new(&document, &signature).expect("it fits").answer_rows(&[score.tensor()])
    };
    let (verdicts, warned) = judged(Mode::Reject);
    assert_eq!(verdicts.rows().map(|bad| bad.row).collect::<Vec<_>>(), [1, 3]);
    assert!(verdicts.rows().all(|bad| bad.violations[0].code == Code::OutputInvalid));
    assert_eq!((verdicts.total(), warned), (2, 0));
    let (verdicts, warned) = judged(Mode::Warn);
    assert!(verdicts.is_empty());
    assert_eq!(warned, 2);
}
