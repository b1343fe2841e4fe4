//! What the values of one row must be to each other.

use super::column::Side;
use super::document::{Mode, Operator, Scalar};
use super::finder::{Finder, Found};
use super::number::Number;
use super::violation::Code;
use crate::features::Feature;
use crate::tensor::Tensor;

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

impl RowCheck {
    pub(super) fn check(&self, tensors: &[Tensor], rows: usize, side: &Side, finder: &mut Finder) {
        for row in 0..rows {
            if let Some(at) = self.test.broken(tensors, row) {
                let (entry, mode, code) = (self.entry, self.mode, Code::RowRule);
                let found = Found { entry, mode, code, row: Some(row) };
                finder.add(&found, || (side.pointer(at, row), self.expected.clone(), None));
            }
        }
    }
}

impl Test {
    /// The feature to point at, if the row breaks the rule.
    pub(super) fn broken(&self, tensors: &[Tensor], row: usize) -> Option<&Feature> {
        match self {
            Self::Compare(left, operator, right) => {
                let (a, b) = (number(left, tensors, row)?, number(right, tensors, row)?);
                // Of a missing number nothing is demanded.
                let order = a.partial_cmp(&b)?;
                let holds = match operator {
                    Operator::AtMost => order.is_le(),
                    Operator::Less => order.is_lt(),
                    Operator::Equal => order.is_eq(),
                };
                (!holds).then_some(left)
            }
            Self::RequiredIf(feature, equals, then) => {
                let applies = match equals {
                    Scalar::Number(equals) => number(feature, tensors, row) == Some(*equals),
                    Scalar::Text(text) => feature.text_at(tensors, row) == Some(text.as_str()),
                };
                let missing = || {
                    then.text_at(tensors, row).is_some_and(str::is_empty)
                        || then.number_at(tensors, row).is_some_and(f64::is_nan)
                };
                (applies && missing()).then_some(then)
            }
        }
    }
}

fn number(feature: &Feature, tensors: &[Tensor], row: usize) -> Option<Number> {
    let whole = feature.whole_at(tensors, row).map(Number::Whole);
    whole.or_else(|| feature.number_at(tensors, row).map(Number::Real))
}
