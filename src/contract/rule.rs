//! The checks of one value.

use std::collections::HashSet;

use super::pattern::Pattern;
use super::repair::Fix;
use super::violation::Code;
use crate::features::Band;

/// Numbers of a set that are compared one after the other.
pub(super) const FEW: usize = 16;

/// The checks of values of one type.
pub(super) trait ValueRule<V> {
    /// What is wrong with the value, if anything is.
    fn check(&self, value: V) -> Option<Code>;

    /// What a value that is wrong becomes, if there is something that the rule allows.
    fn repaired(&self, value: V) -> Option<Fix<'_>>;

    /// What was expected where there is this code.
    fn expected(&self, code: Code) -> String;
}

/// Of a feature that is a number.
#[derive(Debug, Clone)]
pub(super) struct NumberRule {
    /// What passes without a closer look; NaN never does.
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) nan: bool,
    pub(super) nullable: bool,
    /// Sorted.
    pub(super) set: Option<Vec<f64>>,
    pub(super) clip: bool,
    pub(super) impute: Option<f64>,
}

/// Of a feature that is a text.
#[derive(Debug, Clone)]
pub(super) struct TextRule {
    pub(super) nullable: bool,
    pub(super) set: Option<TextSet>,
    pub(super) pattern: Option<Pattern>,
    pub(super) max_length: Option<usize>,
    pub(super) impute: Option<String>,
}

/// Texts, and how they are said: for every violation, of sets that may be large.
#[derive(Debug, Clone)]
pub(super) struct TextSet {
    texts: HashSet<String>,
    said: String,
}

impl TextSet {
    pub(super) fn new(texts: HashSet<String>) -> Self {
        let mut sorted: Vec<&String> = texts.iter().collect();
        sorted.sort_unstable();
        let said = listed(sorted.into_iter().cloned(), texts.len());
        Self { texts, said }
    }
}

impl NumberRule {
    #[cold]
    fn look(&self, value: f64) -> Option<Code> {
        if value.is_nan() {
            return match (self.nan, self.nullable) {
                (false, _) => Some(Code::Nan),
                (true, false) => Some(Code::NullNotAllowed),
                (true, true) => None,
            };
        }
        if self.min.is_some_and(|min| value < min) {
            return Some(Code::BelowMin);
        }
        if self.max.is_some_and(|max| value > max) {
            return Some(Code::AboveMax);
        }
        if value < self.least || value > self.greatest {
            return Some(Code::Inf);
        }
        let set = self.set.as_ref()?;
        set.binary_search_by(|known| known.total_cmp(&(value + 0.0)))
            .is_err()
            .then_some(Code::NotInSet)
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        let infinite = self.least.is_finite() || self.greatest.is_finite();
        let possible = [
            (!self.nan, Code::Nan),
            (self.nan && !self.nullable, Code::NullNotAllowed),
            (infinite && (self.min.is_none() || self.max.is_none()), Code::Inf),
            (self.min.is_some(), Code::BelowMin),
            (self.max.is_some(), Code::AboveMax),
            (self.set.is_some(), Code::NotInSet),
        ];
        possible.into_iter().filter_map(|(can_be, code)| can_be.then_some(code)).collect()
    }

    /// What passes without a closer look.
    pub(super) fn band(&self) -> Band {
        if self.set.is_some() { Band::Empty } else { Band::Real(self.least, self.greatest) }
    }
}

impl ValueRule<f64> for NumberRule {
    #[inline]
    fn check(&self, value: f64) -> Option<Code> {
        let is_known = || match self.set.as_deref() {
            None => true,
            // All of them, without a branch that differs from value to value.
            Some(set) if set.len() <= FEW => {
                let bits = (value + 0.0).to_bits();
                set.iter().map(|known| usize::from(known.to_bits() == bits)).sum::<usize>() > 0
            }
            Some(_) => false,
        };
        if value >= self.least && value <= self.greatest && is_known() {
            return None;
        }
        self.look(value)
    }

    fn repaired(&self, value: f64) -> Option<Fix<'_>> {
        // A missing number has no bound to go to, and stays wrong.
        let clipped = self.clip.then(|| clipped(value, self.min, self.max));
        let allowed = clipped.into_iter().chain(self.impute).find(|it| self.check(*it).is_none());
        allowed.map(Fix::Number)
    }

    fn expected(&self, code: Code) -> String {
        let bound = |bound: Option<f64>| bound.unwrap_or_default();
        match code {
            Code::BelowMin => format!("at least {}", bound(self.min)),
            Code::AboveMax => format!("at most {}", bound(self.max)),
            Code::NotInSet => {
                let set = self.set.as_deref().unwrap_or_default();
                listed(set.iter().map(ToString::to_string), set.len())
            }
            Code::NullNotAllowed => "a value".to_owned(),
            _ => "a finite number".to_owned(),
        }
    }
}

impl TextRule {
    pub(super) fn codes(&self) -> Vec<Code> {
        let possible = [
            (!self.nullable, Code::NullNotAllowed),
            (self.max_length.is_some(), Code::TooLong),
            (self.set.is_some(), Code::NotInSet),
            (self.pattern.is_some(), Code::Pattern),
        ];
        possible.into_iter().filter_map(|(can_be, code)| can_be.then_some(code)).collect()
    }
}

impl ValueRule<&str> for TextRule {
    fn check(&self, text: &str) -> Option<Code> {
        if text.is_empty() {
            return (!self.nullable).then_some(Code::NullNotAllowed);
        }
        // Characters are never more than bytes.
        if self.max_length.is_some_and(|max| text.len() > max && text.chars().count() > max) {
            return Some(Code::TooLong);
        }
        if self.set.as_ref().is_some_and(|set| !set.texts.contains(text)) {
            return Some(Code::NotInSet);
        }
        let pattern = self.pattern.as_ref()?;
        (!pattern.matches(text)).then_some(Code::Pattern)
    }

    fn repaired(&self, _: &str) -> Option<Fix<'_>> {
        self.impute.as_deref().map(Fix::Text)
    }

    fn expected(&self, code: Code) -> String {
        match code {
            Code::TooLong => {
                format!("at most {} characters", self.max_length.unwrap_or_default())
            }
            Code::NotInSet => self.set.as_ref().map(|set| set.said.clone()).unwrap_or_default(),
            Code::Pattern => {
                let pattern = self.pattern.as_ref().map(|pattern| pattern.written.as_str());
                format!("all of it to match {}", pattern.unwrap_or_default())
            }
            _ => "a value".to_owned(),
        }
    }
}

/// The nearest number within the bounds; what cannot be compared stays as it is.
pub(super) fn clipped<V: PartialOrd + Copy>(value: V, min: Option<V>, max: Option<V>) -> V {
    let low = min.filter(|min| value < *min).unwrap_or(value);
    max.filter(|max| low > *max).unwrap_or(low)
}

/// Sets may be large, and are said for every violation.
pub(super) fn listed(items: impl Iterator<Item = String>, size: usize) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = items.take(SHOWN).collect();
    let more = if size > SHOWN { format!(" or {} more", size - SHOWN) } else { String::new() };
    format!("one of {}{more}", shown.join(", "))
}
