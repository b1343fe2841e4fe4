//! Each code: what has it, what the refusal says, and what is just fine.

use onnxd::contract::{Code, Contract, Document, Mode, Refusal, Violation};
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::repository::Settings;
use onnxd::tensor::{CompactString, Data, DataType, Shape, Tensor};

fn spec(name: &str, data_type: DataType) -> TensorSpec {
    let dims = Some(vec![Dim::Unknown, Dim::Fixed(1)]);
    TensorSpec { name: name.to_owned(), data_type, dims, columns: None }
}

/// Inputs of every kind that rules tell apart, and an output.
fn signature() -> Signature {
    let inputs = vec![
        spec("real", DataType::Fp64),
        spec("whole", DataType::Int64),
        spec("count", DataType::Uint64),
        spec("text", DataType::Bytes),
    ];
    Signature { inputs, outputs: vec![spec("score", DataType::Fp32)] }
}

#[derive(Clone)]
struct Row(f64, i64, u64, &'static str);

/// Fine with every rule below.
const FINE: Row = Row(1.0, 1, 1, "ok");

fn column(data: Data) -> Tensor {
    Tensor::new(Shape::new(vec![data.len(), 1]).expect("a shape"), data).expect("it fits")
}

fn tensors(rows: &[Row]) -> Vec<Tensor> {
    let texts: Vec<CompactString> = rows.iter().map(|row| row.3.into()).collect();
    vec![
        column(rows.iter().map(|row| row.0).collect::<Vec<f64>>().into()),
        column(rows.iter().map(|row| row.1).collect::<Vec<i64>>().into()),
        column(rows.iter().map(|row| row.2).collect::<Vec<u64>>().into()),
        column(Data::Bytes(texts)),
    ]
}

fn document(rules: &str) -> Document {
    Settings::parse_contract(&format!("mode = \"reject\"\nvalues = true\n{rules}"))
        .expect("it is a contract")
}

fn contract(rules: &str) -> Contract {
    Contract::new(&document(rules), &signature()).expect("it fits the model")
}

/// The one violation that the second row has, and the first has not.
fn only(rules: &str, wrong: Row) -> Violation {
    let refused = contract(rules).inputs(tensors(&[FINE, wrong]), |input| input);
    let Refusal { total, violations, .. } = refused.expect_err("the second row is wrong");
    assert_eq!((total, violations.len()), (1, 1), "{violations:?}");
    let violation = violations.into_iter().next().expect("there is one");
    assert_eq!(violation.row, Some(1));
    violation
}

#[track_caller]
fn assert_found(
    rules: &str,
    wrong: Row,
    code: Code,
    (pointer, expected, value): (&str, &str, &str),
) {
    let found = only(rules, wrong);
    assert_eq!((found.code, found.pointer.as_str()), (code, pointer));
    assert_eq!((found.expected.as_str(), found.value.as_deref()), (expected, Some(value)));
}

fn rule(name: &str, rule: &str) -> String {
    format!("[[feature]]\nname = \"{name}\"\n{rule}\n")
}

#[test]
fn null_not_allowed() {
    let of_text = Row(1.0, 1, 1, "");
    let said = ("/inputs/3/data/1", "a value", "");
    assert_found(&rule("text", "nullable = false"), of_text, Code::NullNotAllowed, said);
    let missing = Row(f64::NAN, 1, 1, "ok");
    let said = ("/inputs/0/data/1", "a value", "NaN");
    assert_found(&rule("real", "nullable = false"), missing, Code::NullNotAllowed, said);
}

#[test]
fn nan() {
    let said = ("/inputs/0/data/1", "a finite number", "NaN");
    assert_found(&rule("real", "nan = false"), Row(f64::NAN, 1, 1, "ok"), Code::Nan, said);
}

#[test]
fn inf() {
    let said = ("/inputs/0/data/1", "a finite number", "-inf");
    let wrong = Row(f64::NEG_INFINITY, 1, 1, "ok");
    assert_found(&rule("real", "inf = false"), wrong, Code::Inf, said);
}

#[test]
fn a_bound_beyond_what_the_type_holds_lets_no_infinity_through() {
    let outputs = vec![spec("score", DataType::Fp32)];
    let signature = Signature { inputs: vec![spec("half", DataType::Fp16)], outputs };
    let rules =
        "[[feature]]\nname = \"half\"\nmax = 70000\n[[output]]\nname = \"score\"\nmax = 1e39\n";
    let contract = Contract::new(&document(rules), &signature).expect("it fits");
    let half = |number| column(Data::Fp16(vec![half::f16::from_f64(number)]));
    assert!(contract.inputs(vec![half(65_504.0)], |input| input).is_ok());
    let refused = contract.inputs(vec![half(f64::INFINITY)], |input| input);
    assert_eq!(refused.expect_err("it is too large").violations[0].code, Code::AboveMax);
    assert!(contract.answer(&[column(vec![f32::MAX].into())]).is_ok());
    assert!(contract.answer(&[column(vec![f32::INFINITY].into())]).is_err());
}

#[test]
fn a_mean_is_held_against_the_bound_as_it_is_written() {
    let dims = Some(vec![Dim::Unknown, Dim::Fixed(1), Dim::Fixed(4)]);
    let image =
        TensorSpec { name: "image".into(), data_type: DataType::Uint8, dims, columns: None };
    let signature = Signature { inputs: vec![image], outputs: Vec::new() };
    let rules = rule("image.mean", "min = 0.5\nmax = 127.5");
    let contract = Contract::new(&document(&rules), &signature).expect("it fits");
    let mean = |pixels: [u8; 4]| {
        let shape = Shape::new(vec![1, 1, 4]).expect("a shape");
        let image = Tensor::new(shape, pixels.to_vec().into()).expect("it fits");
        contract.inputs(vec![image], |input| input).map(|_| ())
    };
    assert_eq!(mean([127, 127, 127, 128]), Ok(()));
    assert_eq!(mean([0, 1, 1, 1]), Ok(()));
    assert!(mean([127, 128, 128, 128]).is_err() && mean([0, 0, 0, 1]).is_err());
}

#[test]
fn rows_that_no_rule_has_seen_are_not_counted_as_checked() {
    let contract = contract("max_rows = 1\n");
    assert!(contract.inputs(tensors(&[FINE, FINE]), |input| input).is_err());
    assert_eq!(contract.report().rows, 0);
    assert!(contract.inputs(tensors(&[FINE]), |input| input).is_ok());
    assert_eq!((contract.report().rows, contract.report().answered), (1, 0));
}

#[test]
fn below_min() {
    let said = ("/inputs/0/data/1", "at least 0.5", "0.25");
    assert_found(&rule("real", "min = 0.5"), Row(0.25, 1, 1, "ok"), Code::BelowMin, said);
    let said = ("/inputs/1/data/1", "at least 1", "0");
    assert_found(&rule("whole", "min = 0.5"), Row(1.0, 0, 1, "ok"), Code::BelowMin, said);
}

#[test]
fn above_max_without_rounding_of_whole_numbers() {
    let said = ("/inputs/0/data/1", "at most 1", "inf");
    assert_found(&rule("real", "max = 1"), Row(f64::INFINITY, 1, 1, "ok"), Code::AboveMax, said);
    let past = Row(1.0, (1 << 53) + 1, 1, "ok");
    let said = ("/inputs/1/data/1", "at most 9007199254740992", "9007199254740993");
    assert_found(&rule("whole", "max = 9007199254740992"), past, Code::AboveMax, said);
    let said = ("/inputs/2/data/1", "at most 9223372036854775807", "18446744073709551615");
    let greatest = Row(1.0, 1, u64::MAX, "ok");
    assert_found(&rule("count", "max = 9223372036854775807"), greatest, Code::AboveMax, said);
}

#[test]
fn not_in_set_without_rounding_of_whole_numbers() {
    let past = Row(1.0, (1 << 53) + 1, 1, "ok");
    let said = ("/inputs/1/data/1", "one of 1, 9007199254740992", "9007199254740993");
    assert_found(&rule("whole", "set = [9007199254740992, 1]"), past, Code::NotInSet, said);
    let said = ("/inputs/3/data/1", "one of late, ok", "LATE");
    assert_found(
        &rule("text", "set = [\"ok\", \"late\"]"),
        Row(1.0, 1, 1, "LATE"),
        Code::NotInSet,
        said,
    );
    let said = ("/inputs/0/data/1", "one of 0, 1", "0.5");
    assert_found(&rule("real", "set = [0, 1]"), Row(0.5, 1, 1, "ok"), Code::NotInSet, said);
    let noughts = contract(&rule("real", "set = [0.0, 1]"));
    let minus = tensors(&[Row(-0.0, 1, 1, "ok")]);
    assert!(noughts.inputs(minus, |input| input).is_ok(), "the two noughts are one");
}

#[test]
fn pattern() {
    let said = ("/inputs/3/data/1", "all of it to match [a-z]+", "ok!");
    assert_found(&rule("text", "pattern = \"[a-z]+\""), Row(1.0, 1, 1, "ok!"), Code::Pattern, said);
}

#[test]
fn too_long_counts_characters() {
    let said = ("/inputs/3/data/1", "at most 2 characters", "éèê");
    assert_found(&rule("text", "max_length = 2"), Row(1.0, 1, 1, "éèê"), Code::TooLong, said);
    let short = contract(&rule("text", "max_length = 2"));
    assert!(short.inputs(tensors(&[Row(1.0, 1, 1, "éè")]), |input| input).is_ok());
}

#[test]
fn row_rule() {
    let less = "[[row]]\nleft = \"whole\"\noperator = \"<=\"\nright = \"count\"\n";
    let found = only(less, Row(1.0, 2, 1, "ok"));
    assert_eq!((found.code, found.feature.as_str()), (Code::RowRule, "whole <= count"));
    assert_eq!(found.pointer, "/inputs/1/data/1");
    // An f64 could not tell them apart.
    let found = only(less, Row(1.0, i64::MAX, (1 << 63) - 2, "ok"));
    assert_eq!(found.code, Code::RowRule);
    let required =
        "[[row]]\nrequired_if = { feature = \"text\", equals = \"late\", then = \"real\" }\n";
    let found = only(required, Row(f64::NAN, 1, 1, "late"));
    assert_eq!(
        (found.pointer.as_str(), found.expected.as_str()),
        ("/inputs/0/data/1", "real where text is 'late'")
    );
    let elsewhere = tensors(&[Row(f64::NAN, 1, 1, "ok")]);
    assert!(contract(required).inputs(elsewhere, |input| input).is_ok());
}

#[test]
fn output_invalid_is_everything_that_is_wrong_with_an_answer() {
    let bounded = contract("[[output]]\nname = \"score\"\nmin = 0\nmax = 1\n");
    let scores = |scores: Vec<f32>| [column(scores.into())];
    assert_eq!(bounded.answer(&scores(vec![0.0, 1.0])), Ok(0));
    let wrong = scores(vec![f32::NAN, 0.5, 1.5, f32::NEG_INFINITY]);
    let refusal = bounded.answer(&wrong).expect_err("three are wrong");
    assert!(refusal.of_answer && refusal.total == 3);
    assert!(refusal.violations.iter().all(|it| it.code == Code::OutputInvalid));
    assert_eq!(refusal.violations[1].pointer, "/outputs/0/data/2");
}

#[test]
fn output_rows_in_quarantine_are_kept_with_what_is_wrong() {
    let rules = "[[output]]\nname = \"score\"\nmax = 1\nmode = \"quarantine\"\n";
    let kept = contract(rules);
    kept.answer(&[column(vec![0.5f32, 7.5].into())]).expect_err("the second is wrong");
    let line: serde_json::Value = serde_json::from_str(&kept.quarantine()).expect("one line");
    assert_eq!((&line["of"], &line["row"]), (&"answer".into(), &1.into()), "{line}");
    assert_eq!(line["values"]["score"], "7.5", "{line}");
    assert_eq!(line["violations"][0]["code"], "output_invalid", "{line}");
}

#[test]
fn missing_unexpected_wrong_dtype_wrong_shape() {
    let contract = contract("");
    let signature = signature();
    let mut given = tensors(&[FINE]);
    given[1] = column(vec![1.0f32].into());
    given[2] = Tensor::new(Shape::new(vec![1]).expect("a shape"), vec![1u64].into()).expect("fits");
    let names = ["other", "whole", "count", "text"];
    let named = names.into_iter().zip(&given);
    let refusal = contract.structure(&signature, named).expect_err("it is wrong");
    let found: Vec<(Code, &str, &str)> =
        refusal.violations.iter().map(|it| (it.code, &*it.pointer, &*it.feature)).collect();
    assert_eq!(
        found,
        [
            (Code::UnexpectedFeature, "/inputs/0", "other"),
            (Code::MissingFeature, "/inputs", "real"),
            (Code::WrongDtype, "/inputs/1/datatype", "whole"),
            (Code::WrongShape, "/inputs/2/shape", "count"),
        ]
    );
}

#[test]
fn more_rows_than_allowed_are_a_wrong_shape() {
    let contract = contract("max_rows = 2\n");
    assert!(contract.inputs(tensors(&vec![FINE; 2]), |input| input).is_ok());
    let refusal = contract.inputs(tensors(&vec![FINE; 3]), |input| input).expect_err("too many");
    assert_eq!((refusal.violations[0].code, refusal.total), (Code::WrongShape, 1));
}

#[test]
fn a_rule_that_is_off_looks_at_nothing() {
    let mut off = document(&rule("real", "max = 0"));
    off.mode = Mode::Off;
    let contract = Contract::new(&off, &signature()).expect("it fits");
    assert!(contract.inputs(tensors(&[FINE]), |input| input).is_ok());
    assert!(contract.report().features[0].violations.is_empty());
}
