//! Random tables, and contracts that can be of them. Values that matter come often.

use onnxd::contract::{
    Document, FeatureRule, Line, Mode, Number, Operator, Relation, Required, RowRule, Scalar,
};
use onnxd::tensor::DataType;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::table::{Cell, Input};

const TYPES: [DataType; 9] = [
    DataType::Fp64,
    DataType::Fp32,
    DataType::Fp16,
    DataType::Int64,
    DataType::Uint64,
    DataType::Int32,
    DataType::Uint8,
    DataType::Bool,
    DataType::Bytes,
];

const REALS: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -0.0,
    0.0,
    0.1,
    0.5,
    1.0,
    2.0,
    -1.0,
    1e300,
    65_504.0,
];

const WHOLES: [i128; 14] = [
    0,
    1,
    2,
    7,
    -1,
    255,
    i32::MAX as i128,
    (1 << 53) - 1,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX as i128,
    i64::MIN as i128,
    u64::MAX as i128,
    (1 << 63) + 1,
];

const TEXTS: [&str; 8] = ["", "a", "B", "ab", "abc", "é", "A1", "\u{0}\n"];

const PATTERNS: [&str; 5] = ["[a-z]+", "a|ab", ".", "[A-Z][0-9]?", "(?s).*"];

fn range(data_type: DataType) -> (i128, i128) {
    match data_type {
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::Uint64 => (0, u64::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Uint8 => (0, u8::MAX.into()),
        _ => (0, 1),
    }
}

fn is_real(data_type: DataType) -> bool {
    matches!(data_type, DataType::Fp64 | DataType::Fp32 | DataType::Fp16)
}

/// A real in the precision of its input.
#[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
fn rounded(data_type: DataType, number: f64) -> f64 {
    match data_type {
        DataType::Fp32 => f64::from(number as f32),
        DataType::Fp16 => half::f16::from_f64(number).to_f64(),
        _ => number,
    }
}

fn cell(data_type: DataType) -> BoxedStrategy<Cell> {
    if data_type == DataType::Bytes {
        return select(&TEXTS[..]).prop_map(|text| Cell::Text(text.to_owned())).boxed();
    }
    if is_real(data_type) {
        let number = prop_oneof![3 => select(&REALS[..]), 1 => -3.0f64..3.0];
        return number.prop_map(move |it| Cell::Real(rounded(data_type, it))).boxed();
    }
    let (least, greatest) = range(data_type);
    select(&WHOLES[..]).prop_map(move |it| Cell::Whole(it.clamp(least, greatest))).boxed()
}

fn input(place: usize, rows: usize) -> impl Strategy<Value = Input> {
    (select(&TYPES[..]), 1usize..4).prop_flat_map(move |(data_type, width)| {
        let cells = vec(cell(data_type), rows * width);
        let name = format!("x{place}");
        cells.prop_map(move |cells| Input { name: name.clone(), data_type, width, cells })
    })
}

fn scalar(data_type: DataType) -> BoxedStrategy<Scalar> {
    if data_type == DataType::Bytes {
        return select(&TEXTS[..]).prop_map(|text| Scalar::Text(text.to_owned())).boxed();
    }
    number(data_type).prop_map(Scalar::Number).boxed()
}

fn number(data_type: DataType) -> BoxedStrategy<Number> {
    let finite: Vec<f64> = REALS.into_iter().filter(|number| number.is_finite()).collect();
    if is_real(data_type) {
        let fits = move |number: &f64| rounded(data_type, *number).is_finite();
        return select(finite).prop_filter("it fits", fits).prop_map(Number::Real).boxed();
    }
    let halves = select(vec![-0.5, 0.5, 1.0, 1.5, 6.5]).prop_map(Number::Real);
    prop_oneof![4 => select(&WHOLES[..]).prop_map(Number::Whole), 1 => halves].boxed()
}

fn mode() -> impl Strategy<Value = Option<Mode>> {
    let modes = [Mode::Off, Mode::Observe, Mode::Warn, Mode::Reject, Mode::Quarantine];
    option::of(select(modes.to_vec()))
}

fn rule(name: String, data_type: DataType) -> BoxedStrategy<FeatureRule> {
    let set = option::weighted(0.3, vec(scalar(data_type), 1..4));
    let (flag, named) = (|| option::of(any::<bool>()), name);
    if data_type == DataType::Bytes {
        let pattern = option::of(select(&PATTERNS[..]));
        let all = (mode(), flag(), set, pattern, option::of(1usize..4));
        return all
            .prop_map(move |(mode, nullable, set, pattern, max_length)| FeatureRule {
                name: named.clone(),
                mode,
                nullable,
                set,
                pattern: pattern.map(str::to_owned),
                max_length,
                ..FeatureRule::default()
            })
            .boxed();
    }
    let bounds = (option::of(number(data_type)), option::of(number(data_type)));
    (mode(), flag(), flag(), flag(), set, bounds)
        .prop_map(move |(mode, nullable, nan, inf, set, bounds)| {
            let (min, max) = match bounds {
                (Some(a), Some(b)) if a > b => (Some(b), Some(a)),
                bounds => bounds,
            };
            let name = named.clone();
            FeatureRule { name, mode, nullable, nan, inf, min, max, set, ..FeatureRule::default() }
        })
        .boxed()
}

fn relation(features: Vec<(String, DataType)>) -> impl Strategy<Value = Relation> {
    let any_two = (select(features.clone()), select(features.clone()));
    let operator = select(vec![Operator::AtMost, Operator::Less, Operator::Equal]);
    (any_two, operator, any::<bool>()).prop_flat_map(|((left, right), operator, compare)| {
        let texts = [left.1, right.1].contains(&DataType::Bytes);
        scalar(left.1).prop_map(move |equals| {
            if compare && !texts {
                let (left, right) = (left.0.clone(), right.0.clone());
                return Relation::Compare { left, operator, right };
            }
            let (feature, then) = (left.0.clone(), right.0.clone());
            Relation::RequiredIf(Required { feature, equals, then })
        })
    })
}

/// A contract for these inputs. Every feature has at most one rule.
fn document(inputs: &[Input]) -> impl Strategy<Value = Document> + use<> {
    let features: Vec<(String, DataType)> = inputs
        .iter()
        .flat_map(|input| input.features().into_iter().map(|name| (name, input.data_type)))
        .collect();
    let rules: Vec<_> = features
        .iter()
        .map(|(name, data_type)| option::weighted(0.8, rule(name.clone(), *data_type)))
        .collect();
    // Written in an order that is not that of the model.
    let rules = rules.prop_map(|rules| rules.into_iter().rev().flatten().collect());
    let rows = vec((mode(), relation(features)), 0..3);
    (mode(), rules, rows).prop_map(|(mode, features, rows)| Document {
        mode: mode.unwrap_or_default(),
        features,
        rows: rows
            .into_iter()
            .map(|(mode, relation)| RowRule { line: Line::default(), mode, relation })
            .collect(),
        ..Document::default()
    })
}

/// Some rows of some inputs, and a contract for them.
pub fn case() -> impl Strategy<Value = (Vec<Input>, Document, usize)> {
    let rows = prop_oneof![4 => 0usize..6, 1 => 100usize..140];
    rows.prop_flat_map(|rows| {
        let inputs = (1usize..4).prop_flat_map(move |count| {
            (0..count).map(|place| input(place, rows)).collect::<Vec<_>>()
        });
        inputs.prop_flat_map(move |inputs| {
            let document = document(&inputs);
            (Just(inputs), document, Just(rows))
        })
    })
}
