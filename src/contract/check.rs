//! A contract in force: the pass over the columns of a request, and over those of its answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::IntCounter;

use super::document::{Mode, Operator, Scalar};
use super::finder::{Finder, Found};
use super::quarantine::{Kept, Ring};
use super::repair::{self, Fix, Value};
use super::rule::{NumberRule, TextRule};
use super::tally::{Entry, Report};
use super::violation::{Code, Refusal};
use crate::features::{self, Feature};
use crate::tensor::Tensor;

pub struct Contract {
    pub(super) id: String,
    pub(super) mode: Mode,
    pub(super) values: bool,
    pub(super) max_rows: Option<usize>,
    pub(super) features: Vec<Feature>,
    pub(super) columns: Vec<Column>,
    pub(super) relations: Vec<RowCheck>,
    pub(super) outputs: Vec<Column>,
    pub(super) entries: Vec<Entry>,
    /// The entry of a request's inputs as a whole; those of single inputs follow.
    pub(super) inputs: usize,
    pub(super) rows: AtomicU64,
    pub(super) checked: Option<IntCounter>,
    pub(super) ring: Ring,
}

pub(super) struct Column {
    pub(super) entry: usize,
    pub(super) mode: Mode,
    pub(super) feature: Feature,
    pub(super) rule: Rule,
}

pub(super) enum Rule {
    Number(NumberRule),
    Text(TextRule),
}

pub(super) struct RowCheck {
    pub(super) entry: usize,
    pub(super) mode: Mode,
    pub(super) expected: String,
    pub(super) test: Test,
}

pub(super) enum Test {
    Compare(Feature, Operator, Feature),
    RequiredIf(Feature, Scalar, Feature),
}

/// What was found in a request that is answered all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    pub warned: u64,
    pub repaired: u64,
}

impl Contract {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn count(&self, entry: usize, code: Code) {
        self.entries[entry].count(code);
    }

    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report {
            id: &self.id,
            mode: self.mode,
            rows: self.rows.load(Relaxed),
            features: self.entries.iter().map(Entry::report).collect(),
        }
    }

    /// The rows that are kept for a look, one JSON document a line.
    #[must_use]
    pub fn quarantine(&self) -> String {
        self.ring.text()
    }

    /// Checks inputs, in the order of the signature, and repairs them. `place_of` says where in
    /// the request an input was.
    ///
    /// # Errors
    /// [`Refusal`] if the model must not see them.
    pub fn inputs(
        &self,
        tensors: Vec<Tensor>,
        place_of: impl Fn(usize) -> usize,
    ) -> Result<(Vec<Tensor>, Passed), Refusal> {
        let rows = features::rows(&self.features, &tensors);
        self.rows.fetch_add(rows as u64, Relaxed);
        if let Some(checked) = &self.checked {
            checked.inc_by(rows as u64);
        }
        let mut finder = Finder::new(self);
        if let Some(most) = self.max_rows.filter(|most| rows > *most) {
            let found =
                Found { entry: self.inputs, mode: Mode::Reject, code: Code::WrongShape, row: None };
            finder.add(&found, || ("/inputs".to_owned(), format!("at most {most} rows"), None));
            return finder.refusal(false).map_or(Ok((tensors, Passed::default())), Err);
        }
        let mut fixes = Vec::new();
        let pointer =
            |feature: &Feature, row| pointer("inputs", place_of(feature.tensor()), feature, row);
        for column in &self.columns {
            column.check(&tensors, &pointer, &mut finder, &mut fixes);
        }
        let repaired = fixes.len() as u64;
        let tensors = if fixes.is_empty() { tensors } else { repair::apply(tensors, &fixes) };
        for check in &self.relations {
            check.check(&tensors, rows, &pointer, &mut finder);
        }
        if finder.is_refused() {
            self.keep(&finder, &tensors);
        }
        let warned = finder.warned;
        finder.refusal(false).map_or(Ok((tensors, Passed { warned, repaired })), Err)
    }

    /// Checks what the model gave; the number of violations that callers are told of.
    ///
    /// # Errors
    /// [`Refusal`] if callers must not see it.
    pub fn answer(&self, tensors: &[Tensor]) -> Result<u64, Refusal> {
        let mut finder = Finder::new(self);
        let pointer = |feature: &Feature, row| pointer("outputs", feature.tensor(), feature, row);
        for column in &self.outputs {
            column.check(tensors, &pointer, &mut finder, &mut Vec::new());
        }
        let warned = finder.warned;
        finder.refusal(true).map_or(Ok(warned), Err)
    }

    fn keep(&self, finder: &Finder, tensors: &[Tensor]) {
        for &row in &finder.kept {
            let violations =
                finder.listed().iter().filter(|violation| violation.row == Some(row)).collect();
            let features = self.features.iter().filter(|_| self.values);
            let value = |feature: &Feature| {
                let text = feature.text_at(tensors, row).map(str::to_owned);
                text.or_else(|| feature.number_at(tensors, row).map(|number| number.to_string()))
            };
            let values: BTreeMap<&str, String> = features
                .filter_map(|feature| Some((feature.name.as_str(), value(feature)?)))
                .collect();
            self.ring.push(&Kept { row, violations, values });
        }
    }
}

fn pointer(side: &str, place: usize, feature: &Feature, row: usize) -> String {
    match feature.element(row) {
        Some(element) => format!("/{side}/{place}/data/{element}"),
        None => format!("/{side}/{place}/data"),
    }
}

impl Column {
    fn check(
        &self,
        tensors: &[Tensor],
        pointer: &impl Fn(&Feature, usize) -> String,
        finder: &mut Finder,
        fixes: &mut Vec<Fix>,
    ) {
        let mut row = 0;
        let repairs = self.mode == Mode::Repair;
        let mut add = |row,
                       code,
                       expected: &dyn Fn() -> String,
                       value: &dyn Fn() -> String,
                       fix: Option<Value>| {
            let fix = fix.and_then(|value| {
                let element = self.feature.element(row)?;
                Some(Fix { tensor: self.feature.tensor(), element, value })
            });
            if let Some(fix) = fix {
                finder.repaired(self.entry, code);
                fixes.push(fix);
                return;
            }
            let found = Found { entry: self.entry, mode: self.mode, code, row: Some(row) };
            finder.add(&found, || (pointer(&self.feature, row), expected(), Some(value())));
        };
        match &self.rule {
            Rule::Number(rule) => self.feature.each_number(tensors, 1, |number| {
                if let Some(code) = rule.check(number) {
                    let fix = rule.repaired(number).filter(|_| repairs).map(Value::Number);
                    let code = self.code(code);
                    add(row, code, &|| rule.expected_of(number), &|| number.to_string(), fix);
                }
                row += 1;
            }),
            Rule::Text(rule) => self.feature.each_text(tensors, 1, |text| {
                if let Some(code) = rule.check(text) {
                    let fix = rule.impute.clone().filter(|_| repairs).map(Value::Text);
                    add(row, code, &|| rule.expected(code), &|| text.to_owned(), fix);
                }
                row += 1;
            }),
        }
    }

    /// Everything that is wrong with an answer has one code.
    fn code(&self, code: Code) -> Code {
        if self.feature.role == features::Role::Prediction { Code::OutputInvalid } else { code }
    }
}

impl RowCheck {
    fn check(
        &self,
        tensors: &[Tensor],
        rows: usize,
        pointer: &impl Fn(&Feature, usize) -> String,
        finder: &mut Finder,
    ) {
        for row in 0..rows {
            if let Some(at) = self.test.broken(tensors, row) {
                let found = Found {
                    entry: self.entry,
                    mode: self.mode,
                    code: Code::RowRule,
                    row: Some(row),
                };
                finder.add(&found, || (pointer(at, row), self.expected.clone(), None));
            }
        }
    }
}

impl Test {
    /// The feature to point at, if the row breaks the rule.
    fn broken(&self, tensors: &[Tensor], row: usize) -> Option<&Feature> {
        match self {
            Self::Compare(left, operator, right) => {
                let (a, b) = (left.number_at(tensors, row)?, right.number_at(tensors, row)?);
                let known = !a.is_nan() && !b.is_nan();
                let holds = match operator {
                    Operator::AtMost => a <= b,
                    Operator::Less => a < b,
                    Operator::Equal => is_same(a, b),
                };
                (known && !holds).then_some(left)
            }
            Self::RequiredIf(feature, equals, then) => {
                let applies = match equals {
                    Scalar::Number(number) => {
                        feature.number_at(tensors, row).is_some_and(|it| is_same(it, *number))
                    }
                    Scalar::Text(text) => feature.text_at(tensors, row) == Some(text.as_str()),
                };
                let missing = then.text_at(tensors, row).is_some_and(str::is_empty)
                    || then.number_at(tensors, row).is_some_and(f64::is_nan);
                (applies && missing).then_some(then)
            }
        }
    }
}

/// The two noughts are one number.
fn is_same(a: f64, b: f64) -> bool {
    (a + 0.0).total_cmp(&(b + 0.0)).is_eq()
}
