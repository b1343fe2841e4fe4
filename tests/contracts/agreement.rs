//! A compiled contract and the naive checker find the same.

use std::collections::{BTreeMap, BTreeSet};

use onnxd::contract::{Contract, Mode, Passed, Violation};
use proptest::prelude::*;
use serde_json::Value;

use crate::naive::{Finding, findings};
use crate::random::case;
use crate::table::{signature, tensors};

/// Violations that a refusal lists, and rows of a request that are kept.
const MOST: usize = 100;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_compiled_contract_finds_what_the_guide_says((inputs, document, rows) in case()) {
        let contract = Contract::new(&document, &signature(&inputs));
        let contract = contract.map_err(TestCaseError::fail)?;
        let found = findings(&document, &inputs, rows);
        let refusing: Vec<&Finding> = found.iter().filter(|finding| finding.refuses()).collect();
        match contract.inputs(tensors(&inputs), |input| input) {
            Ok((same, passed)) => {
                prop_assert!(refusing.is_empty(), "passed: {refusing:?}");
                let warned = found.iter().filter(|finding| finding.mode == Mode::Warn).count();
                prop_assert_eq!(passed, Passed { warned: warned as u64, repaired: 0 });
                prop_assert_eq!(same.len(), inputs.len());
            }
            Err(refusal) => {
                prop_assert_eq!(refusal.total, refusing.len() as u64);
                let listed: Vec<_> = refusing.iter().take(MOST).map(|it| line(it)).collect();
                prop_assert_eq!(refusal.violations.iter().map(shown).collect::<Vec<_>>(), listed);
                prop_assert!(refusal.violations.iter().all(|it| it.value.is_none()));
            }
        }
        prop_assert_eq!(counted(&contract), expected_counts(&found));
        prop_assert_eq!(kept(&contract), expected_rows(&found));
    }
}

type Line = (String, String, usize, &'static str);

fn line(finding: &Finding) -> Line {
    let Finding { name, pointer, row, code, .. } = finding;
    (pointer.clone(), name.clone(), *row, code.as_str())
}

fn shown(violation: &Violation) -> Line {
    let Violation { pointer, feature, row, code, .. } = violation;
    (pointer.clone(), feature.clone(), row.expect("it is of a row"), code.as_str())
}

/// Violations by feature and code, as `/api` shows them.
fn counted(contract: &Contract) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for feature in contract.report().features {
        for (code, seen) in feature.violations.into_iter().filter(|(_, seen)| *seen > 0) {
            *counts.entry((feature.name.to_owned(), code.to_owned())).or_default() += seen;
        }
    }
    counts
}

fn expected_counts(found: &[Finding]) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for Finding { name, code, .. } in found {
        *counts.entry((name.clone(), code.as_str().to_owned())).or_default() += 1;
    }
    counts
}

type Rows = Vec<(u64, Vec<String>)>;

/// Rows in quarantine with the pointers of what refused them.
fn kept(contract: &Contract) -> Rows {
    let text = contract.quarantine();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    let pointer = |violation: &Value| violation["pointer"].as_str().expect("a text").to_owned();
    lines
        .map(|line| {
            let violations = line["violations"].as_array().expect("a list");
            (line["row"].as_u64().expect("a row"), violations.iter().map(pointer).collect())
        })
        .collect()
}

fn expected_rows(found: &[Finding]) -> Rows {
    let mut rows = BTreeSet::new();
    for finding in found.iter().filter(|finding| finding.mode == Mode::Quarantine) {
        if rows.len() < MOST {
            rows.insert(finding.row);
        }
    }
    let refusing = |row| {
        let of_row = found.iter().filter(move |it| it.refuses() && it.row == row);
        of_row.map(|finding| finding.pointer.clone()).collect()
    };
    rows.into_iter().map(|row| (row as u64, refusing(row))).collect()
}
