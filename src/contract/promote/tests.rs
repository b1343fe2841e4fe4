//! What becomes of rules by what was observed of them.

use super::*;
use crate::contract::document::{FeatureRule, Operator, OutputRule, Relation, RowRule};

const POLICY: Policy = Policy { mode: Mode::Reject, least_rows: 100, most_violations: 0.0 };

fn document() -> Document {
    let feature =
        |name: &str, mode| FeatureRule { name: name.into(), mode, ..FeatureRule::default() };
    let relation = Relation::Compare {
        left: "hour".into(),
        operator: Operator::Less,
        right: "distance".into(),
    };
    Document {
        features: vec![
            feature("hour", None),
            feature("distance", Some(Mode::Warn)),
            feature("carrier", Some(Mode::Off)),
        ],
        rows: vec![RowRule { line: crate::contract::Line(9), mode: None, relation }],
        outputs: vec![OutputRule { name: "y".into(), ..OutputRule::default() }],
        ..Document::default()
    }
}

fn observed(rows: u64, violations: &[(&str, &str, u64)]) -> Observed {
    let counted = |(name, code, count): &(&str, &str, u64)| Counted {
        name: (*name).to_owned(),
        violations: BTreeMap::from([((*code).to_owned(), *count)]),
    };
    let features = violations.iter().map(counted).collect();
    Observed { id: document().id(), rows, answered: rows, features }
}

#[test]
fn what_was_kept_is_enforced_and_what_was_broken_keeps_observing() {
    let found = observed(
        1_000,
        &[("hour", "above_max", 2), ("distance", "nan", 0), ("hour < distance", "row_rule", 0)],
    );
    let promotion = Promotion::new(&document(), &found, POLICY).unwrap();
    assert_eq!(promotion.mode, Mode::Reject);
    assert_eq!(promotion.features, [Some(Mode::Observe), Some(Mode::Reject), Some(Mode::Off)]);
    assert_eq!((promotion.rows, promotion.outputs), (vec![None], vec![None]));
    let hour = &promotion.decisions[0];
    assert_eq!((hour.from, hour.to), (Mode::Observe, Mode::Observe));
    assert_eq!(hour.violations, BTreeMap::from([("above_max".to_owned(), 2)]));
}

#[test]
fn a_few_violations_may_be_accepted() {
    let found = observed(1_000, &[("hour", "above_max", 2)]);
    let of = |most_violations| {
        Promotion::new(&document(), &found, Policy { most_violations, ..POLICY }).unwrap().features
    };
    assert_eq!(of(0.002)[0], None);
    assert_eq!(of(0.001_9)[0], Some(Mode::Observe));
}

#[test]
fn requests_that_no_mode_lets_through_say_nothing_about_a_rule() {
    let found = observed(1_000, &[("hour", "missing_feature", 7), ("hour", "wrong_dtype", 7)]);
    let promotion = Promotion::new(&document(), &found, POLICY).unwrap();
    assert_eq!(promotion.features[0], None);
}

#[test]
fn counts_of_several_servers_are_added() {
    let mut sum = observed(60, &[]);
    sum.add(observed(60, &[("hour", "nan", 1)])).unwrap();
    let promotion = Promotion::new(&document(), &sum, POLICY).unwrap();
    assert_eq!(promotion.features[0], Some(Mode::Observe));
    let other = Observed { id: "00000000".into(), ..observed(60, &[]) };
    assert!(matches!(sum.add(other), Err(PromotionError::OtherContract { .. })));
}

#[test]
fn too_little_and_counts_of_another_contract_promote_nothing() {
    let too_few = Promotion::new(&document(), &observed(99, &[]), POLICY);
    assert_eq!(too_few, Err(PromotionError::TooFewRows { found: 99, expected: 100 }));
    let changed = Document { values: true, ..document() };
    let found = observed(1_000, &[]);
    let other = Promotion::new(&changed, &found, POLICY);
    let (found, expected) = (found.id, changed.id());
    assert_eq!(other, Err(PromotionError::OtherContract { found, expected }));
    let none = Policy { least_rows: 0, ..POLICY };
    assert!(matches!(
        Promotion::new(&document(), &observed(0, &[]), none),
        Err(PromotionError::TooFewRows { found: 0, expected: 1 })
    ));
}

#[test]
fn a_contract_that_is_enforced_has_nothing_to_promote() {
    let enforced = Document {
        mode: Mode::Reject,
        features: vec![FeatureRule { name: "hour".into(), ..FeatureRule::default() }],
        ..Document::default()
    };
    let features = Vec::new();
    let found = Observed { id: enforced.id(), rows: 1_000, answered: 0, features };
    assert_eq!(Promotion::new(&enforced, &found, POLICY), Err(PromotionError::Nothing));
}

#[test]
fn rules_of_outputs_go_by_answers() {
    let found = Observed { answered: 99, ..observed(1_000, &[]) };
    let promotion = Promotion::new(&document(), &found, POLICY).unwrap();
    assert_eq!(promotion.outputs, [Some(Mode::Observe)]);
    assert_eq!(promotion.features[0], None);
}

#[test]
fn what_cannot_be_repaired_is_rejected() {
    let mut document = document();
    document.features[0].impute = Some(crate::contract::Scalar::Number(1.0.into()));
    let found = Observed { id: document.id(), ..observed(1_000, &[]) };
    let policy = Policy { mode: Mode::Repair, ..POLICY };
    let promotion = Promotion::new(&document, &found, policy).unwrap();
    assert_eq!(promotion.features[..2], [None, Some(Mode::Reject)]);
    assert_eq!(
        (promotion.rows, promotion.outputs),
        (vec![Some(Mode::Reject)], vec![Some(Mode::Reject)])
    );
}
