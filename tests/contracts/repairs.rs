//! What a repair leaves behind is what the contract demands.

use onnxd::contract::{Contract, Document, FeatureRule, Mode, Number, Scalar};
use proptest::prelude::*;

use crate::naive::findings;
use crate::random::case;
use crate::table::{Cell, Input, signature, tensors};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Every rule repairs, with bounds to clip to where it has some.
    #[test]
    fn rows_that_were_repaired_pass((inputs, mut document, rows) in case()) {
        document.rows.clear();
        for rule in &mut document.features {
            rule.mode = Some(Mode::Repair);
            rule.clip = rule.min.or(rule.max).is_some();
        }
        let signature = signature(&inputs);
        // Bounds beyond the type cannot be clipped to, and a contract with such is refused.
        let Ok(contract) = Contract::new(&document, &signature) else { return Ok(()) };
        let wrong = findings(&document, &inputs, rows).len() as u64;
        let came = tensors(&inputs);
        match contract.inputs(came.clone(), |input| input) {
            Ok((repaired, passed)) => {
                prop_assert_eq!(passed.repaired, wrong);
                if wrong == 0 {
                    let same = |(a, b): (&_, &_)| format!("{a:?}") == format!("{b:?}");
                    prop_assert!(repaired.iter().zip(&came).all(same));
                }
                let (_, again) = contract.inputs(repaired, |input| input).expect("it is mended");
                prop_assert_eq!(again.repaired, 0);
            }
            Err(refusal) => prop_assert!(refusal.total > 0 && refusal.total <= wrong),
        }
    }
}

fn input(data_type: onnxd::tensor::DataType, cells: Vec<Cell>) -> Vec<Input> {
    vec![Input { name: "x".to_owned(), data_type, width: 1, cells }]
}

fn rule(mode: Mode) -> FeatureRule {
    FeatureRule { name: "x".to_owned(), mode: Some(mode), ..FeatureRule::default() }
}

#[test]
fn clipping_and_imputing_put_in_the_exact_value() {
    use onnxd::tensor::DataType::{Bytes, Int64};
    let past = (1i64 << 53) + 1;
    let rules = FeatureRule { max: Some(past.into()), clip: true, ..rule(Mode::Repair) };
    let document = Document { features: vec![rules], ..Document::default() };
    let inputs = input(Int64, vec![Cell::Whole(i64::MAX.into()), Cell::Whole(past.into())]);
    let contract = Contract::new(&document, &signature(&inputs)).expect("it compiles");
    let (tensors_then, passed) = contract.inputs(tensors(&inputs), |at| at).expect("mended");
    assert_eq!(tensors_then[0].data().as_slice::<i64>(), Some(&[past, past][..]));
    assert_eq!(passed.repaired, 1);

    let impute = Some(Scalar::Text("other".to_owned()));
    let set = Some(vec![Scalar::Text("UA".to_owned()), Scalar::Text("other".to_owned())]);
    let rules = FeatureRule { set, impute, ..rule(Mode::Repair) };
    let document = Document { features: vec![rules], ..Document::default() };
    let inputs = input(Bytes, vec![Cell::Text("UA".to_owned()), Cell::Text("XX".to_owned())]);
    let contract = Contract::new(&document, &signature(&inputs)).expect("it compiles");
    let (tensors_then, _) = contract.inputs(tensors(&inputs), |at| at).expect("mended");
    let texts = tensors_then[0].data().as_slice::<onnxd::tensor::CompactString>().expect("texts");
    assert_eq!(texts, ["UA", "other"]);
}

#[test]
fn a_row_in_quarantine_is_kept_as_it_came_and_not_as_it_was_repaired() {
    use onnxd::tensor::DataType::Fp32;
    let cells = [1.0, 50.0, 99.0, -1.0].map(Cell::Real).to_vec();
    let inputs = vec![Input { name: "x".to_owned(), data_type: Fp32, width: 2, cells }];
    let named = |name: &str, mode| FeatureRule { name: name.to_owned(), ..rule(mode) };
    let repaired =
        FeatureRule { max: Some(Number::Whole(10)), clip: true, ..named("x[0]", Mode::Repair) };
    let refused = FeatureRule { min: Some(Number::Whole(0)), ..named("x[1]", Mode::Quarantine) };
    let document =
        Document { values: true, features: vec![repaired, refused], ..Document::default() };
    let contract = Contract::new(&document, &signature(&inputs)).expect("it compiles");
    contract.inputs(tensors(&inputs), |at| at).expect_err("-1 is refused");
    let kept: serde_json::Value = serde_json::from_str(&contract.quarantine()).expect("one line");
    assert_eq!((&kept["row"], &kept["of"]), (&1.into(), &"request".into()));
    assert_eq!(kept["values"], serde_json::json!({"x[0]": "99", "x[1]": "-1"}), "{kept}");
    assert_eq!(kept["violations"][0]["pointer"], "/inputs/0/data/3", "{kept}");
    assert_eq!(kept["violations"].as_array().map(Vec::len), Some(1), "{kept}");
}
