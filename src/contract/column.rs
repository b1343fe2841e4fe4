//! The check of one feature: over its column, and in a single row.

use super::document::Mode;
use super::finder::{Finder, Found};
use super::repair::{Fix, Fixes};
use super::rule::{NumberRule, TextRule};
use super::violation::Code;
use super::whole::WholeRule;
use crate::features::{Band, Feature, Role};
use crate::tensor::Tensor;

pub(super) struct Column {
    pub(super) entry: usize,
    pub(super) mode: Mode,
    pub(super) feature: Feature,
    pub(super) rule: Rule,
}

pub(super) enum Rule {
    Number(NumberRule),
    /// Of 64 bits, which an f64 would round.
    Whole(WholeRule),
    Text(TextRule),
}

/// Where values are in what a caller sent, or gets.
pub(super) struct Side<'a> {
    pub(super) name: &'static str,
    /// Where in the request the tensor was that is at this place of the signature.
    pub(super) place_of: &'a dyn Fn(usize) -> usize,
}

/// One value that is wrong, before it is known what becomes of that.
struct Wrong<'v> {
    code: Code,
    expected: &'v dyn Fn() -> String,
    value: &'v dyn Fn() -> String,
}

impl Side<'_> {
    pub(super) fn pointer(&self, feature: &Feature, row: usize) -> String {
        let (side, place) = (self.name, (self.place_of)(feature.tensor()));
        match feature.element(row) {
            Some(element) => format!("/{side}/{place}/data/{element}"),
            None => format!("/{side}/{place}/data"),
        }
    }
}

impl Rule {
    pub(super) fn codes(&self) -> Vec<Code> {
        match self {
            Self::Number(rule) => rule.codes(),
            Self::Whole(rule) => rule.codes(),
            Self::Text(rule) => rule.codes(),
        }
    }

    pub(super) fn band(&self) -> Band {
        match self {
            Self::Number(rule) => rule.band(),
            Self::Whole(rule) => rule.band(),
            Self::Text(_) => Band::Empty,
        }
    }

    /// About what a look at a value takes, in looks at a number.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Number(NumberRule { set: None, .. })
            | Self::Whole(WholeRule { set: None, .. }) => 1,
            Self::Number(_) | Self::Whole(_) => 8,
            Self::Text(TextRule { pattern: None, .. }) => 16,
            Self::Text(_) => 64,
        }
    }
}

impl Column {
    /// Every row. What can be repaired is put into `fixes`.
    pub(super) fn check<'c>(
        &'c self,
        tensors: &[Tensor],
        side: &Side,
        finder: &mut Finder,
        fixes: &mut Fixes<'c>,
    ) {
        match &self.rule {
            Rule::Number(rule) => self.numbers(rule, tensors, side, finder, fixes),
            Rule::Whole(rule) => self.wholes(rule, tensors, side, finder, fixes),
            Rule::Text(rule) => self.texts(rule, tensors, side, finder, fixes),
        }
    }

    fn numbers(
        &self,
        rule: &NumberRule,
        tensors: &[Tensor],
        side: &Side,
        finder: &mut Finder,
        fixes: &mut Fixes,
    ) {
        let mut row = 0;
        self.feature.each_number(tensors, 1, |number| {
            if let Some(code) = rule.check(number) {
                let fix = rule.repaired(number).filter(|_| self.repairs());
                let wrong = Wrong {
                    code,
                    expected: &|| rule.expected(code),
                    value: &|| number.to_string(),
                };
                self.found(row, wrong, fix.map(Fix::Number), side, finder, fixes);
            }
            row += 1;
        });
    }

    fn wholes(
        &self,
        rule: &WholeRule,
        tensors: &[Tensor],
        side: &Side,
        finder: &mut Finder,
        fixes: &mut Fixes,
    ) {
        let mut row = 0;
        self.feature.each_whole(tensors, |number| {
            if let Some(code) = rule.check(number) {
                let fix = rule.repaired(number).filter(|_| self.repairs());
                let wrong = Wrong {
                    code,
                    expected: &|| rule.expected(code),
                    value: &|| number.to_string(),
                };
                self.found(row, wrong, fix.map(Fix::Whole), side, finder, fixes);
            }
            row += 1;
        });
    }

    fn texts<'c>(
        &self,
        rule: &'c TextRule,
        tensors: &[Tensor],
        side: &Side,
        finder: &mut Finder,
        fixes: &mut Fixes<'c>,
    ) {
        let mut row = 0;
        self.feature.each_text(tensors, 1, |text| {
            if let Some(code) = rule.check(text) {
                let fix = rule.impute.as_deref().filter(|_| self.repairs());
                let wrong =
                    Wrong { code, expected: &|| rule.expected(code), value: &|| text.to_owned() };
                self.found(row, wrong, fix.map(Fix::Text), side, finder, fixes);
            }
            row += 1;
        });
    }

    fn repairs(&self) -> bool {
        self.mode == Mode::Repair
    }

    fn found<'c>(
        &self,
        row: usize,
        wrong: Wrong,
        fix: Option<Fix<'c>>,
        side: &Side,
        finder: &mut Finder,
        fixes: &mut Fixes<'c>,
    ) {
        let code = self.code(wrong.code);
        if let Some((fix, element)) = fix.zip(self.feature.element(row)) {
            finder.repaired(self.entry, code);
            fixes.push(element, fix);
            return;
        }
        let found = Found { entry: self.entry, mode: self.mode, code, row: Some(row) };
        let describe =
            || (side.pointer(&self.feature, row), (wrong.expected)(), Some((wrong.value)()));
        finder.add(&found, describe);
    }

    /// What is wrong in one row: the code, and what was expected.
    pub(super) fn wrong_at(&self, tensors: &[Tensor], row: usize) -> Option<(Code, String)> {
        let (code, expected) = match &self.rule {
            Rule::Number(rule) => {
                let code = rule.check(self.feature.reading_at(tensors, row)?)?;
                (code, rule.expected(code))
            }
            Rule::Whole(rule) => {
                let code = rule.check(self.feature.whole_at(tensors, row)?)?;
                (code, rule.expected(code))
            }
            Rule::Text(rule) => {
                let code = rule.check(self.feature.text_at(tensors, row)?)?;
                (code, rule.expected(code))
            }
        };
        Some((self.code(code), expected))
    }

    /// Everything that is wrong with an answer has one code.
    fn code(&self, code: Code) -> Code {
        if self.feature.role == Role::Prediction { Code::OutputInvalid } else { code }
    }
}

/// The value of a feature in a row, as it is shown.
pub(super) fn shown(feature: &Feature, tensors: &[Tensor], row: usize) -> Option<String> {
    let text = feature.text_at(tensors, row).map(str::to_owned);
    let whole = || feature.whole_at(tensors, row).map(|number| number.to_string());
    let number = || feature.reading_at(tensors, row).map(|number| number.to_string());
    text.or_else(whole).or_else(number)
}
