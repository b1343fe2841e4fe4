//! The checks of a whole number of 64 bits, without rounding.

use super::repair::Fix;
use super::rule::{ValueRule, clipped, listed};
use super::violation::Code;
use crate::features::Band;

#[derive(Debug, Clone)]
pub(super) struct WholeRule {
    pub(super) min: Option<i128>,
    pub(super) max: Option<i128>,
    /// Sorted.
    pub(super) set: Option<Vec<i128>>,
    pub(super) clip: bool,
    pub(super) impute: Option<i128>,
}

impl WholeRule {
    /// What passes without a closer look.
    pub(super) fn band(&self) -> Band {
        if self.set.is_some() {
            return Band::Empty;
        }
        Band::Whole(self.min.unwrap_or(i128::MIN), self.max.unwrap_or(i128::MAX))
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        let possible = [
            (self.min.is_some(), Code::BelowMin),
            (self.max.is_some(), Code::AboveMax),
            (self.set.is_some(), Code::NotInSet),
        ];
        possible.into_iter().filter_map(|(can_be, code)| can_be.then_some(code)).collect()
    }
}

impl ValueRule<i128> for WholeRule {
    fn check(&self, value: i128) -> Option<Code> {
        if self.min.is_some_and(|min| value < min) {
            return Some(Code::BelowMin);
        }
        if self.max.is_some_and(|max| value > max) {
            return Some(Code::AboveMax);
        }
        let set = self.set.as_ref()?;
        set.binary_search(&value).is_err().then_some(Code::NotInSet)
    }

    fn repaired(&self, value: i128) -> Option<Fix<'_>> {
        let clipped = self.clip.then(|| clipped(value, self.min, self.max));
        let allowed = clipped.into_iter().chain(self.impute).find(|it| self.check(*it).is_none());
        allowed.map(Fix::Whole)
    }

    fn expected(&self, code: Code) -> String {
        match code {
            Code::BelowMin => format!("at least {}", self.min.unwrap_or_default()),
            Code::AboveMax => format!("at most {}", self.max.unwrap_or_default()),
            _ => {
                let set = self.set.as_deref().unwrap_or_default();
                listed(set.iter().map(ToString::to_string), set.len())
            }
        }
    }
}
