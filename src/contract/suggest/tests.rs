//! What data suggests, and that the data keeps it.

use compact_str::CompactString;
use proptest::prelude::*;

use super::*;
use crate::contract::{Contract, Scalar};
use crate::engine::{Dim, TensorSpec};
use crate::tensor::{Data, DataType, Shape};

fn spec(name: &str, data_type: DataType) -> TensorSpec {
    TensorSpec {
        name: name.to_owned(),
        data_type,
        dims: Some(vec![Dim::Unknown, Dim::Fixed(1)]),
        columns: None,
    }
}

fn column(data: impl Into<Data>) -> Tensor {
    let data = data.into();
    Tensor::new(Shape::new(vec![data.len(), 1]).unwrap(), data).unwrap()
}

fn texts(texts: &[&str]) -> Tensor {
    column(texts.iter().map(|text| CompactString::from(*text)).collect::<Vec<_>>())
}

fn signature(inputs: &[(&str, DataType)], outputs: &[(&str, DataType)]) -> Signature {
    let specs = |side: &[(&str, DataType)]| {
        side.iter().map(|(name, data_type)| spec(name, *data_type)).collect()
    };
    Signature { inputs: specs(inputs), outputs: specs(outputs) }
}

fn of(data_type: DataType, tensor: Tensor) -> FeatureRule {
    let mut suggestion = Suggestion::new(&signature(&[("x", data_type)], &[]));
    let rows = tensor.rows().unwrap();
    suggestion.add(&[tensor], &[], rows);
    let suggested = suggestion.finish();
    suggested.document.features.into_iter().next().unwrap_or_default()
}

fn numbers(numbers: impl IntoIterator<Item = f64>) -> FeatureRule {
    of(DataType::Fp64, column(numbers.into_iter().collect::<Vec<f64>>()))
}

fn bounds(rule: &FeatureRule) -> Option<(f64, f64)> {
    Some((rule.min?.real(), rule.max?.real()))
}

#[test]
fn numbers_that_may_have_been_rounded_are_not_bounded() {
    let near = 1i64 << 60;
    let rule = of(DataType::Int64, column(vec![near - 100, near + 100, near + 999]));
    assert_eq!(bounds(&rule), None);
}

#[test]
fn few_whole_numbers_are_bounded_by_what_was_seen_and_others_have_a_margin() {
    let hours = numbers((5..24).map(f64::from));
    assert_eq!(bounds(&hours), Some((5.0, 23.0)));
    let distance = numbers((0..1_000).map(|at| 17.0 + 5.0 * f64::from(at)));
    assert_eq!(bounds(&distance), Some((0.0, 5_520.0)));
    let temperature = numbers((0..100).map(|at| -3.2 + 0.07 * f64::from(at)));
    assert_eq!(bounds(&temperature), Some((-3.9, 4.43)));
}

#[test]
fn what_was_always_the_same_is_not_bounded() {
    let constant = numbers([3.5; 50]);
    assert_eq!(bounds(&constant), None);
    assert_eq!((constant.nan, constant.inf), (Some(false), Some(false)));
}

#[test]
fn numbers_that_were_missing_or_infinite_may_be_so_again() {
    let rule = numbers([1.0, 2.0, f64::NAN, f64::INFINITY]);
    assert_eq!((rule.nan, rule.inf), (None, None));
    assert_eq!(numbers([f64::NAN; 9]).inf, Some(false));
}

#[test]
fn texts_that_come_again_and_again_are_a_set() {
    let carriers: Vec<&str> = ["UA", "AA", "DL"].into_iter().cycle().take(60).collect();
    let rule = of(DataType::Bytes, texts(&carriers));
    let set = ["AA", "DL", "UA"].map(|name| Scalar::Text(name.to_owned())).to_vec();
    assert_eq!((rule.set, rule.nullable, rule.max_length), (Some(set), Some(false), None));
    let names: Vec<String> = (0..60).map(|at| format!("customer {at:020}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain([""]).collect();
    let rule = of(DataType::Bytes, texts(&names));
    assert_eq!((rule.set, rule.nullable, rule.max_length), (None, None, Some(58)));
}

#[test]
fn a_probability_has_bounds_and_a_class_has_no_rule() {
    let outputs = [("late", DataType::Fp32), ("class", DataType::Int64)];
    let mut suggestion = Suggestion::new(&signature(&[], &outputs));
    suggestion.add(&[], &[column(vec![0.1f32, 0.9]), column(vec![0i64, 1])], 2);
    let document = suggestion.finish().document;
    let [late] = document.outputs.as_slice() else { panic!("{document:?}") };
    assert_eq!((late.name.as_str(), late.finite), ("late", true));
    assert_eq!((late.min, late.max), (Some((-1e-6).into()), Some(1.000_001.into())));
}

#[test]
fn of_no_rows_nothing_is_suggested() {
    let suggested = Suggestion::new(&signature(&[("x", DataType::Fp64)], &[])).finish();
    assert_eq!(suggested.document, Document { mode: Mode::Observe, ..Document::default() });
}

proptest! {
    #[test]
    fn the_data_keeps_the_contract_that_it_suggests(
        wide in prop::collection::vec(prop_oneof![
            any::<f64>(), -1e3..1e3f64, (0..100i32).prop_map(f64::from),
        ], 1..200),
        whole in prop::collection::vec(any::<i64>(), 1..200),
        named in prop::collection::vec("[a-c]{0,2}", 1..200),
    ) {
        let rows = wide.len().min(whole.len()).min(named.len());
        let names: Vec<&str> = named[..rows].iter().map(String::as_str).collect();
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let narrow: Vec<f32> = wide[..rows].iter().map(|number| *number as f32).collect();
        let inputs = vec![
            column(wide[..rows].to_vec()), column(narrow), column(whole[..rows].to_vec()),
            texts(&names),
        ];
        let signature = signature(&[
            ("wide", DataType::Fp64), ("narrow", DataType::Fp32), ("whole", DataType::Int64),
            ("named", DataType::Bytes),
        ], &[]);
        let mut suggestion = Suggestion::new(&signature);
        suggestion.add(&inputs, &[], rows);
        let mut document = suggestion.finish().document;
        document.mode = Mode::Reject;
        let contract = Contract::new(&document, &signature).unwrap();
        prop_assert!(contract.inputs(inputs, |place| place).is_ok());
    }
}
