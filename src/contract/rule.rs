//! The checks of one value.

use std::collections::HashSet;

use regex::Regex;

use super::violation::Code;
use crate::features::Band;

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
    pub(super) pattern: Option<(String, Regex)>,
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
    #[inline]
    pub(super) fn check(&self, value: f64) -> Option<Code> {
        if value >= self.least && value <= self.greatest && self.set.is_none() {
            return None;
        }
        self.look(value)
    }

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

    /// What the value becomes, if there is something that the rule allows.
    pub(super) fn repaired(&self, value: f64) -> Option<f64> {
        let clipped = (self.clip && !value.is_nan()).then(|| {
            let low = self.min.map_or(value, |min| value.max(min));
            self.max.map_or(low, |max| low.min(max))
        });
        clipped.into_iter().chain(self.impute).find(|value| self.check(*value).is_none())
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

    pub(super) fn expected(&self, code: Code) -> String {
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
    pub(super) fn check(&self, text: &str) -> Option<Code> {
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
        let (_, pattern) = self.pattern.as_ref()?;
        (!pattern.is_match(text)).then_some(Code::Pattern)
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        let possible = [
            (!self.nullable, Code::NullNotAllowed),
            (self.max_length.is_some(), Code::TooLong),
            (self.set.is_some(), Code::NotInSet),
            (self.pattern.is_some(), Code::Pattern),
        ];
        possible.into_iter().filter_map(|(can_be, code)| can_be.then_some(code)).collect()
    }

    pub(super) fn expected(&self, code: Code) -> String {
        match code {
            Code::TooLong => {
                format!("at most {} characters", self.max_length.unwrap_or_default())
            }
            Code::NotInSet => self.set.as_ref().map(|set| set.said.clone()).unwrap_or_default(),
            Code::Pattern => {
                let pattern = self.pattern.as_ref().map(|(written, _)| written.as_str());
                format!("all of it to match {}", pattern.unwrap_or_default())
            }
            _ => "a value".to_owned(),
        }
    }
}

/// Sets may be large, and are said for every violation.
pub(super) fn listed(items: impl Iterator<Item = String>, size: usize) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = items.take(SHOWN).collect();
    let more = if size > SHOWN { format!(" or {} more", size - SHOWN) } else { String::new() };
    format!("one of {}{more}", shown.join(", "))
}
