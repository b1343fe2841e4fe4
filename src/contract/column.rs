//! The check of one feature: over its column, and in a single row.

use super::document::Mode;
use super::finder::{Finder, Found};
use super::many;
use super::repair::{Fix, Fixes};
use super::rule::{NumberRule, TextRule, ValueRule};
use super::violation::Code;
use super::whole::WholeRule;
use crate::features::{self, Band, Feature, Role};
use crate::tensor::{Memo, Tensor};

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

/// Where what is found in a column goes.
struct Look<'l, 'f, 'c> {
    side: &'l Side<'l>,
    finder: &'l mut Finder<'f>,
    fixes: &'l mut Fixes<'c>,
    /// Of the next value.
    row: usize,
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
        let mut at = Look { side, finder, fixes, row: 0 };
        let are_many = features::rows([&self.feature], tensors) >= many::LEAST;
        match &self.rule {
            Rule::Number(rule) if are_many && rule.passes_all(&self.feature, tensors) => {}
            Rule::Number(rule) => self.feature.each_number(tensors, 1, |value| {
                self.look(rule, value, &mut at);
            }),
            Rule::Whole(rule) => self.feature.each_whole(tensors, |value| {
                self.look(rule, value, &mut at);
            }),
            Rule::Text(rule) if rule.passes_all(&self.feature, tensors) => {}
            Rule::Text(rule) if are_many => {
                // Texts that were looked at and are fine.
                let mut passed = Memo::default();
                self.feature.each_text(tensors, 1, |value| {
                    if passed.get(value).is_some() {
                        at.row += 1;
                    } else if self.look(rule, value, &mut at) {
                        passed.put(value, ());
                    }
                });
            }
            Rule::Text(rule) => self.feature.each_text(tensors, 1, |value| {
                self.look(rule, value, &mut at);
            }),
        }
    }

    /// Whether nothing is wrong with the value of the next row.
    fn look<'c, V: Copy + ToString>(
        &self,
        rule: &'c impl ValueRule<V>,
        value: V,
        at: &mut Look<'_, '_, 'c>,
    ) -> bool {
        let wrong = rule.check(value);
        if let Some(code) = wrong {
            let fix = if self.mode == Mode::Repair { rule.repaired(value) } else { None };
            self.found(code, fix, at, || (rule.expected(code), value.to_string()));
        }
        at.row += 1;
        wrong.is_none()
    }

    /// `describe` says what was expected, and what came.
    fn found<'c>(
        &self,
        code: Code,
        fix: Option<Fix<'c>>,
        at: &mut Look<'_, '_, 'c>,
        describe: impl FnOnce() -> (String, String),
    ) {
        let (code, row) = (self.code(code), at.row);
        if let Some((fix, element)) = fix.zip(self.feature.element(row)) {
            at.finder.repaired(self.entry, code);
            at.fixes.push(element, fix);
            return;
        }
        let found = Found { entry: self.entry, mode: self.mode, code, row: Some(row) };
        at.finder.add(&found, || {
            let (expected, value) = describe();
            (at.side.pointer(&self.feature, row), expected, Some(value))
        });
    }

    /// What is wrong in one row: the code, and what was expected.
    pub(super) fn wrong_at(&self, tensors: &[Tensor], row: usize) -> Option<(Code, String)> {
        let (code, expected) = match &self.rule {
            Rule::Number(rule) => wrong(rule, self.feature.reading_at(tensors, row)?),
            Rule::Whole(rule) => wrong(rule, self.feature.whole_at(tensors, row)?),
            Rule::Text(rule) => wrong(rule, self.feature.text_at(tensors, row)?),
        }?;
        Some((self.code(code), expected))
    }

    /// Everything that is wrong with an answer has one code.
    fn code(&self, code: Code) -> Code {
        if self.feature.role == Role::Prediction { Code::OutputInvalid } else { code }
    }
}

fn wrong<V: Copy>(rule: &impl ValueRule<V>, value: V) -> Option<(Code, String)> {
    let code = rule.check(value)?;
    Some((code, rule.expected(code)))
}

/// The value of a feature in a row, as it is shown.
pub(super) fn shown(feature: &Feature, tensors: &[Tensor], row: usize) -> Option<String> {
    let text = feature.text_at(tensors, row).map(str::to_owned);
    let whole = || feature.whole_at(tensors, row).map(|number| number.to_string());
    let number = || feature.reading_at(tensors, row).map(|number| number.to_string());
    text.or_else(whole).or_else(number)
}
