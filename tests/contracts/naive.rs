//! What the guide to contracts says, value by value: nothing here is quick.

use onnxd::contract::{
    Code, Document, FeatureRule, Mode, Number, Operator, Relation, Required, Scalar,
};
use onnxd::tensor::DataType;
use regex::Regex;

use crate::table::{Cell, Input};

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Of the rule: a feature, or a relation.
    pub name: String,
    pub pointer: String,
    pub row: usize,
    pub code: Code,
    pub mode: Mode,
}

impl Finding {
    pub fn refuses(&self) -> bool {
        matches!(self.mode, Mode::Reject | Mode::Quarantine | Mode::Repair)
    }
}

/// One feature of a table.
struct Place<'a> {
    input: usize,
    column: usize,
    of: &'a Input,
}

impl Place<'_> {
    fn cell(&self, row: usize) -> &Cell {
        &self.of.cells[row * self.of.width + self.column]
    }

    fn pointer(&self, row: usize) -> String {
        format!("/inputs/{}/data/{}", self.input, row * self.of.width + self.column)
    }
}

/// Everything that is wrong, in the order in which it is listed: features in the order of the
/// model, their rows, then rules of rows.
pub fn findings(document: &Document, inputs: &[Input], rows: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    for (input, of) in inputs.iter().enumerate() {
        for (column, name) in of.features().into_iter().enumerate() {
            let place = Place { input, column, of };
            for rule in document.features.iter().filter(|rule| rule.name == name) {
                let mode = rule.mode.unwrap_or(document.mode);
                for row in (0..rows).filter(|_| mode != Mode::Off) {
                    if let Some(code) = wrong(rule, of.data_type, place.cell(row)) {
                        let pointer = place.pointer(row);
                        found.push(Finding { name: name.clone(), pointer, row, code, mode });
                    }
                }
            }
        }
    }
    for rule in &document.rows {
        let mode = rule.mode.unwrap_or(document.mode);
        for row in (0..rows).filter(|_| mode != Mode::Off) {
            if let Some(pointer) = broken(&rule.relation, inputs, row) {
                let (name, code) = (rule.relation.to_string(), Code::RowRule);
                found.push(Finding { name, pointer, row, code, mode });
            }
        }
    }
    found
}

fn wrong(rule: &FeatureRule, data_type: DataType, cell: &Cell) -> Option<Code> {
    match cell {
        Cell::Real(number) => wrong_real(rule, data_type, *number),
        Cell::Whole(number) => wrong_whole(rule, *number),
        Cell::Text(text) => wrong_text(rule, text),
    }
}

/// A number of a contract as a float of the input's precision.
#[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
fn seen(data_type: DataType, number: Number) -> f64 {
    match data_type {
        DataType::Fp16 => half::f16::from_f64(number.real()).to_f64(),
        DataType::Fp32 => f64::from(number.real() as f32),
        _ => number.real(),
    }
}

#[expect(clippy::float_cmp, reason = "sets have exact values")]
fn wrong_real(rule: &FeatureRule, data_type: DataType, value: f64) -> Option<Code> {
    if value.is_nan() {
        let forbidden = (rule.nan == Some(false)).then_some(Code::Nan);
        let missing = (rule.nullable == Some(false)).then_some(Code::NullNotAllowed);
        return forbidden.or(missing);
    }
    if rule.min.is_some_and(|min| value < seen(data_type, min)) {
        return Some(Code::BelowMin);
    }
    if rule.max.is_some_and(|max| value > seen(data_type, max)) {
        return Some(Code::AboveMax);
    }
    if value.is_infinite() && rule.inf == Some(false) {
        return Some(Code::Inf);
    }
    let set = rule.set.as_ref()?;
    let is_it =
        |item: &Scalar| matches!(item, Scalar::Number(number) if seen(data_type, *number) == value);
    (!set.iter().any(is_it)).then_some(Code::NotInSet)
}

/// As a fraction over two: halves are the only ones that random contracts have.
#[expect(clippy::cast_possible_truncation, reason = "they are small")]
fn halves(number: Number) -> i128 {
    match number {
        Number::Whole(number) => 2 * number,
        Number::Real(number) => (number * 2.0) as i128,
    }
}

fn wrong_whole(rule: &FeatureRule, value: i128) -> Option<Code> {
    if rule.min.is_some_and(|min| 2 * value < halves(min)) {
        return Some(Code::BelowMin);
    }
    if rule.max.is_some_and(|max| 2 * value > halves(max)) {
        return Some(Code::AboveMax);
    }
    let set = rule.set.as_ref()?;
    let is_it =
        |item: &Scalar| matches!(item, Scalar::Number(number) if halves(*number) == 2 * value);
    (!set.iter().any(is_it)).then_some(Code::NotInSet)
}

fn wrong_text(rule: &FeatureRule, text: &str) -> Option<Code> {
    if text.is_empty() {
        return (rule.nullable == Some(false)).then_some(Code::NullNotAllowed);
    }
    if rule.max_length.is_some_and(|most| text.chars().count() > most) {
        return Some(Code::TooLong);
    }
    let is_it = |item: &Scalar| matches!(item, Scalar::Text(known) if known == text);
    if rule.set.as_ref().is_some_and(|set| !set.iter().any(is_it)) {
        return Some(Code::NotInSet);
    }
    let pattern = Regex::new(rule.pattern.as_ref()?).expect("it was compiled before");
    // The longest match that begins first need not be all of it where another one is.
    let anchored = Regex::new(&format!(r"\A(?:{})\z", pattern.as_str())).expect("the same");
    (!anchored.is_match(text)).then_some(Code::Pattern)
}

fn place<'a>(inputs: &'a [Input], name: &str) -> Place<'a> {
    let mut places = inputs.iter().enumerate().flat_map(|(input, of)| {
        let columns = of.features().into_iter().enumerate();
        columns.map(move |(column, feature)| (feature, Place { input, column, of }))
    });
    places.find(|(feature, _)| feature == name).expect("rules are of what is there").1
}

/// Where to point at, if the row breaks the rule.
fn broken(relation: &Relation, inputs: &[Input], row: usize) -> Option<String> {
    match relation {
        Relation::Compare { left, operator, right } => {
            let (left, right) = (place(inputs, left), place(inputs, right));
            let (a, b) = (number(left.cell(row)), number(right.cell(row)));
            let order = a.partial_cmp(&b)?;
            let holds = match operator {
                Operator::AtMost => order.is_le(),
                Operator::Less => order.is_lt(),
                Operator::Equal => order.is_eq(),
            };
            (!holds).then(|| left.pointer(row))
        }
        Relation::RequiredIf(Required { feature, equals, then }) => {
            let (feature, then) = (place(inputs, feature), place(inputs, then));
            let applies = match (feature.cell(row), equals) {
                (Cell::Text(text), Scalar::Text(equals)) => text == equals,
                (Cell::Real(value), Scalar::Number(equals)) => {
                    Number::Real(*value) == Number::Real(seen(feature.of.data_type, *equals))
                }
                (Cell::Whole(value), Scalar::Number(equals)) => 2 * value == halves(*equals),
                _ => false,
            };
            let missing = match then.cell(row) {
                Cell::Text(text) => text.is_empty(),
                Cell::Real(number) => number.is_nan(),
                Cell::Whole(_) => false,
            };
            (applies && missing).then(|| then.pointer(row))
        }
    }
}

fn number(cell: &Cell) -> Number {
    match cell {
        Cell::Whole(number) => Number::Whole(*number),
        Cell::Real(number) => Number::Real(*number),
        Cell::Text(_) => Number::Real(f64::NAN),
    }
}
