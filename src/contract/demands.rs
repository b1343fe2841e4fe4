//! What a contract says of one feature or output, for those who are to keep it: a form that asks
//! for its values, say.

use serde::{Serialize, Serializer};

use super::document::{FeatureRule, OutputRule, Scalar};
use super::number::Number;

/// Values of a set that are told.
const MOST_ALLOWED: usize = 100;

/// Only what the owner has written: of all else nothing is demanded.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Demands {
    /// Whether a value may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    nullable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nan: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inf: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<Scalar>>,
    /// How many more are allowed than are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_allowed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// In characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
}

impl From<&FeatureRule> for Demands {
    fn from(rule: &FeatureRule) -> Self {
        let told = |set: &Vec<Scalar>| set.iter().take(MOST_ALLOWED).cloned().collect();
        let more = rule.set.as_ref().map_or(0, |set| set.len().saturating_sub(MOST_ALLOWED));
        Self {
            nullable: rule.nullable,
            nan: rule.nan,
            inf: rule.inf,
            min: rule.min,
            max: rule.max,
            allowed: rule.set.as_ref().map(told),
            more_allowed: (more > 0).then_some(more),
            pattern: rule.pattern.clone(),
            max_length: rule.max_length,
        }
    }
}

impl Demands {
    /// Texts of a set may be personal data, as those are that come.
    pub(super) fn hide_texts(&mut self) {
        let is_text = |scalar: &Scalar| matches!(scalar, Scalar::Text(_));
        if self.allowed.as_ref().is_some_and(|set| set.iter().any(is_text)) {
            self.allowed = None;
            self.more_allowed = None;
        }
    }
}

impl From<&OutputRule> for Demands {
    fn from(rule: &OutputRule) -> Self {
        let finite = rule.finite.then_some(false);
        Self { nan: finite, inf: finite, min: rule.min, max: rule.max, ..Self::default() }
    }
}

impl Serialize for Number {
    /// As JSON has numbers; what is beyond 64 bits is rounded.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Real(number) => serializer.serialize_f64(number),
            Self::Whole(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => serializer.serialize_f64(self.real()),
            },
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(rule: &FeatureRule) -> Value {
        serde_json::to_value(Demands::from(rule)).unwrap()
    }

    #[test]
    fn only_what_was_written_is_told() {
        assert_eq!(told(&FeatureRule::default()), json!({}));
        let rule = FeatureRule {
            nullable: Some(false),
            min: Some(Number::Whole(-1)),
            max: Some(Number::Real(2.5)),
            set: Some(vec![Scalar::Number(Number::Whole(1)), Scalar::Text("<b>".to_owned())]),
            max_length: Some(3),
            ..FeatureRule::default()
        };
        let expected = json!({"nullable": false, "min": -1, "max": 2.5, "allowed": [1, "<b>"], "max_length": 3});
        assert_eq!(told(&rule), expected);
    }

    #[test]
    fn sets_of_texts_are_told_only_to_those_who_may_see_values() {
        let set =
            |scalar: Scalar| FeatureRule { set: Some(vec![scalar]), ..FeatureRule::default() };
        let mut texts = Demands::from(&set(Scalar::Text("name".to_owned())));
        texts.hide_texts();
        assert_eq!(texts, Demands::default());
        let mut numbers = Demands::from(&set(Scalar::Number(Number::Whole(1))));
        numbers.hide_texts();
        assert_eq!(serde_json::to_value(numbers).unwrap(), json!({"allowed": [1]}));
    }

    #[test]
    fn of_a_large_set_a_part_is_told_and_how_much_that_is() {
        let set = (0..150).map(|number| Scalar::Number(Number::Whole(number))).collect();
        let told = told(&FeatureRule { set: Some(set), ..FeatureRule::default() });
        assert_eq!(told["allowed"].as_array().unwrap().len(), MOST_ALLOWED);
        assert_eq!(told["more_allowed"], 50);
    }

    #[test]
    fn numbers_of_64_bits_are_told_without_rounding() {
        let text = |number: i128| serde_json::to_string(&Number::Whole(number)).unwrap();
        for number in [i128::from(i64::MIN), i128::from(u64::MAX), 9_007_199_254_740_993] {
            assert_eq!(text(number), number.to_string());
        }
        assert_eq!(text(1 << 70), "1.1805916207174113e+21");
    }

    #[test]
    fn an_output_that_must_be_finite_is_neither_missing_nor_infinite() {
        let rule = OutputRule { finite: true, ..OutputRule::default() };
        let told = serde_json::to_value(Demands::from(&rule)).unwrap();
        assert_eq!(told, json!({"nan": false, "inf": false}));
    }
}
