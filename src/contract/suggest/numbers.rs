//! What numbers were seen, and which bounds follow.

use std::collections::BTreeSet;

use crate::contract::document::{FeatureRule, OutputRule};
use crate::contract::number::Number;
use crate::stats::single;

/// Whole numbers of so few kinds are hours, months, counts of doors: the bounds are what was seen.
const MOST_KINDS: usize = 64;

/// Of the range, on both sides, where there are more kinds: what comes next year lies a little
/// beyond what came last year.
const MARGIN: f64 = 0.1;

/// A probability of a sum in single precision may be a rounding beyond its bounds.
const ROUNDING: f64 = 1e-6;

/// Whole numbers below it are all f64 (2^53).
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

#[derive(Debug, Default)]
pub(super) struct Numbers {
    rows: u64,
    nan: u64,
    infinite: u64,
    range: Option<(f64, f64)>,
    /// Whole numbers, one more than [`MOST_KINDS`] at most; nothing counts once one was broken.
    kinds: BTreeSet<i64>,
    broken: bool,
}

impl Numbers {
    pub(super) fn add(&mut self, number: f64) {
        self.rows += 1;
        if number.is_nan() {
            self.nan += 1;
        } else if number.is_infinite() {
            self.infinite += 1;
        } else {
            // Adding zero makes of the negative zero the other one.
            self.add_finite(number + 0.0);
        }
    }

    fn add_finite(&mut self, number: f64) {
        let (least, greatest) = self.range.unwrap_or((number, number));
        self.range = Some((least.min(number), greatest.max(number)));
        match whole(number) {
            Some(kind) if self.kinds.len() <= MOST_KINDS => {
                self.kinds.insert(kind);
            }
            Some(_) => {}
            None => self.broken = true,
        }
    }

    /// Only what holds of numbers whose size means nothing.
    pub(super) fn rule_of_finite(&self, name: String) -> FeatureRule {
        FeatureRule {
            name,
            nan: (self.nan == 0).then_some(false),
            inf: (self.infinite == 0).then_some(false),
            ..FeatureRule::default()
        }
    }

    pub(super) fn rule(&self, name: String) -> FeatureRule {
        let (min, max) = self.bounds().unzip();
        let (min, max) = (min.map(Number::from), max.map(Number::from));
        FeatureRule { min, max, ..self.rule_of_finite(name) }
    }

    /// Nothing where the range says nothing, as of a column that is always the same, or one that
    /// infinity belongs to.
    fn bounds(&self) -> Option<(f64, f64)> {
        let range = self.range.filter(|(least, greatest)| least < greatest);
        let (least, greatest) = range.filter(|_| self.infinite == 0)?;
        // What was seen of larger ones may be rounded, and contracts compare exactly.
        if least <= -MOST_EXACT || greatest >= MOST_EXACT {
            return None;
        }
        if !self.broken && self.kinds.len() <= MOST_KINDS {
            return Some((least, greatest));
        }
        let margin = (greatest - least) * MARGIN;
        if !margin.is_finite() || margin == 0.0 {
            return Some((least, greatest));
        }
        let (low, high) = (below(least - margin, margin), above(greatest + margin, margin));
        // What was never negative has no reason to become it.
        let low = if least >= 0.0 { low.max(0.0) } else { low };
        let high = if greatest <= 0.0 { high.min(0.0) } else { high };
        Some((low.min(least), high.max(greatest)))
    }

    /// Of whole numbers nothing: they are classes, and finite.
    pub(super) fn output(&self, name: String) -> Option<OutputRule> {
        let (least, greatest) = self.range?;
        if self.nan + self.infinite > 0 || !self.broken {
            return None;
        }
        let mut rule = OutputRule { name, finite: true, ..OutputRule::default() };
        if least >= 0.0 && greatest <= 1.0 {
            let (min, max) = (Number::from(-ROUNDING), Number::from(1.0 + ROUNDING));
            (rule.min, rule.max) = (Some(min), Some(max));
        }
        Some(rule)
    }

    pub(super) fn note(&self) -> String {
        let range = match self.range {
            Some((least, greatest)) if least < greatest => {
                format!("{} to {}", written(least), written(greatest))
            }
            Some((only, _)) => format!("always {}", written(only)),
            None => "no number".to_owned(),
        };
        let others = [(self.nan, "NaN"), (self.infinite, "infinite")];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let others = others.map(|(count, what)| format!(", {count} {what}"));
        std::iter::once(range).chain(others).collect()
    }
}

/// As it was written, if it went through single precision.
fn written(number: f64) -> String {
    single(number).map_or_else(|| number.to_string(), |single| single.to_string())
}

/// The number as a whole one, if it is one that all of them can be told apart from.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    (number.fract() == 0.0 && number.abs() < MOST_EXACT).then_some(number as i64)
}

/// The next number below that people would write, in steps of about a tenth of the margin.
fn below(number: f64, margin: f64) -> f64 {
    round(number, margin, f64::floor)
}

fn above(number: f64, margin: f64) -> f64 {
    round(number, margin, f64::ceil)
}

fn round(number: f64, margin: f64, to: fn(f64) -> f64) -> f64 {
    let step = margin.log10().floor() - 1.0;
    // Divided by a power of ten a whole number is the nearest to its decimals; multiplied by a
    // fraction it would not be.
    let rounded = if step < 0.0 {
        let power = 10f64.powf(-step);
        to(number * power) / power
    } else {
        let power = 10f64.powf(step);
        to(number / power) * power
    };
    if rounded.is_finite() { rounded } else { number }
}
