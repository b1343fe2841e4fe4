//! Rules of features that are numbers, in the type that the model sees.

use half::f16;

use super::{Compiler, Rule};
use crate::contract::document::{FeatureRule, Scalar};
use crate::contract::number::Number;
use crate::contract::rule::{NumberRule, ValueRule};
use crate::contract::whole::WholeRule;
use crate::features::{Feature, Reading};
use crate::tensor::DataType;

/// What a rule says, with numbers as the model sees them.
struct Numbers {
    min: Option<Number>,
    max: Option<Number>,
    set: Option<Vec<Number>>,
    impute: Option<Number>,
}

impl Compiler<'_> {
    pub(super) fn number(&mut self, rule: &FeatureRule, feature: &Feature) -> Option<Rule> {
        let misplaced =
            [(rule.pattern.is_some(), "pattern"), (rule.max_length.is_some(), "max_length")];
        for (_, key) in misplaced.into_iter().filter(|(there, _)| *there) {
            self.mistake(rule.line, format!("'{}' is a number and has no {key}", rule.name));
        }
        if rule.clip && rule.min.is_none() && rule.max.is_none() {
            self.mistake(rule.line, format!("'{}': clip needs min or max", rule.name));
        }
        let of_type = seen_type(self.data_type(feature), feature.reading);
        let numbers = self.numbers(rule, of_type)?;
        let exact = matches!(of_type, DataType::Int64 | DataType::Uint64);
        let (compiled, impute_is_wrong) = if exact {
            let compiled = whole(rule, &numbers);
            let wrong = compiled.impute.is_some_and(|value| compiled.check(value).is_some());
            (Rule::Whole(compiled), wrong)
        } else {
            let compiled = real(rule, &numbers, of_type);
            let wrong = compiled.impute.is_some_and(|value| compiled.check(value).is_some());
            (Rule::Number(compiled), wrong)
        };
        if impute_is_wrong {
            self.mistake(rule.line, format!("'{}': the rule refuses its own impute", rule.name));
        }
        Some(compiled)
    }

    fn numbers(&mut self, rule: &FeatureRule, of_type: DataType) -> Option<Numbers> {
        let set =
            rule.set.as_ref().map(|set| set.iter().map(number_of).collect::<Option<Vec<_>>>());
        let impute = rule.impute.as_ref().map(number_of);
        if set == Some(None) || impute == Some(None) {
            self.mistake(rule.line, format!("'{}' is a number, expected numbers", rule.name));
            return None;
        }
        let seen = |number: Number| as_seen(number, of_type);
        let bound = |number: Number| finite(seen(number), of_type);
        let (min, max) = bounds(rule.min.map(bound), rule.max.map(bound), of_type);
        let clips = [min, max].into_iter().flatten().filter(|_| rule.clip);
        for number in clips.chain(impute.flatten()).filter(|number| !holds(of_type, *number)) {
            let text = format!("'{}': {number} is no value of {of_type}", rule.name);
            self.mistake(rule.line, text);
        }
        // What the type does not hold is never met.
        let held = |number: &Number| number.real().is_finite();
        let set = set.flatten().map(|set| set.into_iter().map(seen).filter(held).collect());
        Some(Numbers { min, max, set, impute: impute.flatten().map(seen) })
    }
}

fn real(rule: &FeatureRule, numbers: &Numbers, of_type: DataType) -> NumberRule {
    let infinite = if rule.inf.unwrap_or(true) { f64::INFINITY } else { f64::MAX };
    let (min, max) = (numbers.min.map(Number::real), numbers.max.map(Number::real));
    let set = numbers.set.as_ref().map(|set| {
        // The two noughts are one number.
        let mut set: Vec<f64> = set.iter().map(|number| number.real() + 0.0).collect();
        set.sort_by(f64::total_cmp);
        set
    });
    NumberRule {
        least: min.unwrap_or(-infinite),
        greatest: max.unwrap_or(infinite),
        min,
        max,
        // Whole numbers are never missing.
        nan: rule.nan.unwrap_or(true) || range(of_type).is_some(),
        nullable: rule.nullable.unwrap_or(true) || range(of_type).is_some(),
        set,
        clip: rule.clip,
        impute: numbers.impute.map(Number::real),
    }
}

fn whole(rule: &FeatureRule, numbers: &Numbers) -> WholeRule {
    let set = numbers.set.as_ref().map(|set| {
        // What is no whole number is never met.
        let mut set: Vec<i128> = set.iter().filter_map(|number| number.whole()).collect();
        set.sort_unstable();
        set
    });
    WholeRule {
        min: numbers.min.map(Number::ceil),
        max: numbers.max.map(Number::floor),
        set,
        clip: rule.clip,
        impute: numbers.impute.and_then(Number::whole),
    }
}

/// The type of the numbers that are looked at: a mean and a norm are made in 64 bits, whatever
/// they are of.
fn seen_type(of_type: DataType, reading: Reading) -> DataType {
    if reading == Reading::Number { of_type } else { DataType::Fp64 }
}

/// A number as the model sees it: 0.1 is another one in 32 bits.
pub(super) fn as_seen(number: Number, of_type: DataType) -> Number {
    #[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
    match of_type {
        DataType::Fp32 => Number::Real(f64::from(number.real() as f32)),
        DataType::Fp16 => Number::Real(f16::from_f64(number.real()).to_f64()),
        DataType::Fp64 => Number::Real(number.real()),
        _ => number,
    }
}

/// A bound beyond what the type holds is the last number of it: no infinity is within it.
fn finite(number: Number, of_type: DataType) -> Number {
    let greatest = match of_type {
        DataType::Fp16 => f16::MAX.to_f64(),
        DataType::Fp32 => f64::from(f32::MAX),
        _ => return number,
    };
    Number::Real(number.real().clamp(-greatest, greatest))
}

/// Bounds that are values of the type: what is clipped becomes one of them.
fn bounds(
    min: Option<Number>,
    max: Option<Number>,
    of_type: DataType,
) -> (Option<Number>, Option<Number>) {
    if range(of_type).is_none() {
        return (min, max);
    }
    let whole = |number: i128| Number::Whole(number);
    (min.map(|min| whole(min.ceil())), max.map(|max| whole(max.floor())))
}

/// Whether a tensor of this type can hold the number.
fn holds(of_type: DataType, number: Number) -> bool {
    range(of_type).is_none_or(|(least, greatest)| {
        number.whole().is_some_and(|number| (least..=greatest).contains(&number))
    })
}

/// Of types of whole numbers.
fn range(of_type: DataType) -> Option<(i128, i128)> {
    Some(match of_type {
        DataType::Bool => (0, 1),
        DataType::Uint8 => (0, u8::MAX.into()),
        DataType::Uint16 => (0, u16::MAX.into()),
        DataType::Uint32 => (0, u32::MAX.into()),
        DataType::Uint64 => (0, u64::MAX.into()),
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::Fp16 | DataType::Fp32 | DataType::Fp64 | DataType::Bytes => return None,
    })
}

fn number_of(scalar: &Scalar) -> Option<Number> {
    if let Scalar::Number(number) = scalar { Some(*number) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_repair_puts_in_is_a_value_of_the_input() {
        let real = |number| Some(Number::Real(number));
        assert_eq!(bounds(real(0.5), real(9.5), DataType::Int64), (real(1.0), real(9.0)));
        assert_eq!(bounds(real(0.5), None, DataType::Fp32), (real(0.5), None));
        let holds = |of_type, number| holds(of_type, Number::Real(number));
        assert!(holds(DataType::Uint8, 255.0) && !holds(DataType::Uint8, 300.0));
        assert!(!holds(DataType::Int32, 55.7) && holds(DataType::Fp64, 55.7));
        assert!(!holds(DataType::Uint64, 18_446_744_073_709_551_616.0));
    }
}
