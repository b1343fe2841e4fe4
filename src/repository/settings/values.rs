//! Single values of `model.toml`: what is accepted, and what is said of anything else.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::de::DeValue;

use super::{Target, VersionPolicy, parse_duration};
use crate::contract::{Number, Scalar};
use crate::repository::Version;

/// A value as it is repeated in messages.
pub(super) fn describe(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("'{text}'"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn boolean(value: &DeValue) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("{} is neither true nor false", describe(value)))
}

pub(super) fn text(value: &DeValue) -> Result<String, String> {
    match value {
        DeValue::String(text) if !text.is_empty() => Ok(text.to_string()),
        other => Err(format!("{} is no text, expected for example \"late\"", describe(other))),
    }
}

/// A class of a model: a text, or a number as a text.
pub(super) fn label(value: &DeValue) -> Result<String, String> {
    match value {
        DeValue::Integer(_) | DeValue::Boolean(_) => Ok(describe(value)),
        other => text(other),
    }
}

pub(super) fn texts(value: &DeValue) -> Result<Vec<String>, String> {
    let error = || format!("{} is no list of texts", describe(value));
    let list = value.as_array().ok_or_else(error)?;
    list.iter().map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(error)).collect()
}

/// A number or a text.
pub(super) fn scalar(value: &DeValue) -> Result<Scalar, String> {
    if let Some(text) = value.as_str() {
        return Ok(Scalar::Text(text.to_owned()));
    }
    let number = as_written(value).map(Scalar::Number);
    number.ok_or_else(|| format!("{} is neither number nor text", describe(value)))
}

pub(super) fn scalars(value: &DeValue) -> Result<Vec<Scalar>, String> {
    let list = value.as_array().ok_or_else(|| format!("{} is no list", describe(value)))?;
    list.iter().map(|item| scalar(item.get_ref())).collect()
}

fn integer(value: &DeValue) -> Option<i128> {
    let integer = value.as_integer()?;
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A whole number from `min`.
pub(super) fn whole<T: TryFrom<i128>>(min: i128) -> impl Fn(&DeValue) -> Result<T, String> {
    move |value| {
        let number = integer(value).filter(|number| *number >= min);
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!("{} is no number from {min}, expected a whole one", describe(value))
        })
    }
}

fn finite(value: &DeValue) -> Option<f64> {
    let text = match value {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whole numbers are not rounded.
fn as_written(value: &DeValue) -> Option<Number> {
    match value {
        DeValue::Integer(_) => integer(value).map(Number::Whole),
        _ => finite(value).map(Number::Real),
    }
}

pub(super) fn exact(value: &DeValue) -> Result<Number, String> {
    as_written(value)
        .ok_or_else(|| format!("{} is no number, expected for example 0.7", describe(value)))
}

pub(super) fn number(value: &DeValue) -> Result<f64, String> {
    finite(value)
        .ok_or_else(|| format!("{} is no number, expected for example 0.7", describe(value)))
}

pub(super) fn not_negative(value: &DeValue) -> Result<f64, String> {
    finite(value).filter(|number| *number >= 0.0).ok_or_else(|| {
        format!("{} is no number from 0, expected for example 0.01", describe(value))
    })
}

pub(super) fn positive(value: &DeValue) -> Result<f64, String> {
    finite(value)
        .filter(|number| *number > 0.0)
        .ok_or_else(|| format!("{} is no number above 0, expected for example 1", describe(value)))
}

/// A number from 0 to 1.
pub(super) fn share(value: &DeValue) -> Result<f64, String> {
    finite(value).filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        format!("{} is no share from 0 to 1, expected for example 0.05", describe(value))
    })
}

/// A duration above nought: none of the keys makes sense with an empty one.
pub(super) fn duration(value: &DeValue) -> Result<Duration, String> {
    let error = || format!("{} is no duration, expected for example 20ms", describe(value));
    let text = value.as_str().ok_or_else(error)?;
    let duration = parse_duration(text)
        .map_err(|message| if message.contains("no duration") { error() } else { message })?;
    if duration.is_zero() { Err(error()) } else { Ok(duration) }
}

/// One of these words.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&DeValue) -> Result<T, String> {
    move |value| {
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("{} is none of: {}", describe(value), known.join(", "))
        })
    }
}

pub(super) fn target(value: &DeValue) -> Result<Target, String> {
    match value {
        DeValue::Integer(_) => whole(1)(value).map(Target::Version),
        DeValue::String(text) if !text.is_empty() => Ok(Target::from_text(text)),
        other => Err(format!("{} is no version and no label", describe(other))),
    }
}

pub(super) fn versions(value: &DeValue) -> Result<VersionPolicy, String> {
    let expected = r#"expected "latest", "latest:N", "all" or a list of versions"#;
    let error = || format!("{} is no choice of versions, {expected}", describe(value));
    if let Some(list) = value.as_array() {
        let versions: Result<BTreeSet<Version>, String> =
            list.iter().map(|item| whole(1)(item.get_ref())).collect();
        return versions.map(VersionPolicy::These);
    }
    value.as_str().and_then(VersionPolicy::from_word).ok_or_else(error)
}
