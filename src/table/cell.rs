//! One value of a table.

use crate::tensor::{CompactString, format_compact};

/// A value as its file holds it; those of CSV are all texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Missing,
    Whole(i64),
    Number(f64),
    Text(CompactString),
}

impl Cell {
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(number) => number.is_nan(),
            Self::Whole(_) | Self::Text(_) => false,
        }
    }

    /// The value as it is repeated in messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Missing => "nothing".to_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("'{text}'"),
        }
    }

    /// The class that the value names; see [`class`].
    pub fn class(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => class(&number.to_string()),
            Self::Text(text) => class(text),
        }
    }

    /// What a tensor of texts holds; a missing text is the empty one.
    pub fn text(&self) -> CompactString {
        match self {
            Self::Missing => CompactString::default(),
            Self::Whole(number) => format_compact!("{number}"),
            Self::Number(number) => format_compact!("{number}"),
            Self::Text(text) => text.clone(),
        }
    }

    #[inline]
    pub fn whole(&self) -> Option<i128> {
        match self {
            Self::Missing => None,
            Self::Whole(number) => Some(i128::from(*number)),
            Self::Number(number) => whole_of(*number),
            Self::Text(text) => parse_whole(text),
        }
    }

    /// A number; NaN where it is missing.
    #[inline]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Missing => Some(f64::NAN),
            #[expect(clippy::cast_precision_loss, reason = "the model asks for a float")]
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => parse_number(text),
        }
    }

    /// The same in single precision: texts are rounded once, as the model's training did.
    #[inline]
    pub fn single(&self) -> Option<f32> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the model asks for a float")]
            Self::Whole(number) => Some(*number as f32),
            Self::Text(text) => text.trim().parse().ok().or_else(|| narrow(parse_number(text)?)),
            Self::Missing | Self::Number(_) => narrow(self.number()?),
        }
    }
}

/// One spelling for a class: tables write `1`, `1.0`, `true` and `True` for the same one.
pub fn class(text: &str) -> String {
    let text = text.trim();
    parse_whole(text).map_or_else(|| text.to_owned(), |number| number.to_string())
}

fn parse_whole(text: &str) -> Option<i128> {
    match text.trim() {
        "true" | "True" | "TRUE" => Some(1),
        "false" | "False" | "FALSE" => Some(0),
        text => text.parse().ok().or_else(|| whole_of(text.parse().ok()?)),
    }
}

fn parse_number(text: &str) -> Option<f64> {
    match text.trim() {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        // How R writes what is missing.
        "NA" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it ends chains of options")]
#[expect(clippy::cast_possible_truncation, reason = "the model asks for single precision")]
#[inline]
fn narrow(number: f64) -> Option<f32> {
    Some(number as f32)
}

/// Tables with missing values hold whole numbers as floats.
#[inline]
fn whole_of(number: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    Some(number as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_one_spelling() {
        for cell in ["1", "1.0", "true", "True"].map(|text| Cell::Text(text.into())) {
            assert_eq!(cell.class(), "1");
        }
        assert_eq!((Cell::Whole(1).class(), Cell::Number(1.0).class()), ("1".into(), "1".into()));
        assert_eq!(Cell::Number(1.5).class(), "1.5");
        assert_eq!(Cell::Text(" late".into()).class(), "late");
    }

    #[test]
    fn missing_numbers_are_nan_and_texts_are_no_numbers() {
        assert!(Cell::Missing.number().is_some_and(f64::is_nan));
        assert!(Cell::Missing.single().is_some_and(f32::is_nan));
        assert_eq!(Cell::Text("0.1".into()).single(), Some(0.1));
        assert_eq!(Cell::Text("x".into()).number(), None);
        assert_eq!(Cell::Text("3.0".into()).whole(), Some(3));
        assert_eq!(Cell::Text("3.5".into()).whole(), None);
    }
}
