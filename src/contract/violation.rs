//! What was found to be wrong, as callers see it.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    MissingFeature,
    UnexpectedFeature,
    WrongDtype,
    WrongShape,
    NullNotAllowed,
    Nan,
    Inf,
    BelowMin,
    AboveMax,
    NotInSet,
    Pattern,
    TooLong,
    RowRule,
    OutputInvalid,
}

impl Code {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingFeature => "missing_feature",
            Self::UnexpectedFeature => "unexpected_feature",
            Self::WrongDtype => "wrong_dtype",
            Self::WrongShape => "wrong_shape",
            Self::NullNotAllowed => "null_not_allowed",
            Self::Nan => "nan",
            Self::Inf => "inf",
            Self::BelowMin => "below_min",
            Self::AboveMax => "above_max",
            Self::NotInSet => "not_in_set",
            Self::Pattern => "pattern",
            Self::TooLong => "too_long",
            Self::RowRule => "row_rule",
            Self::OutputInvalid => "output_invalid",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Into the request in the form of the protocol v2.
    pub pointer: String,
    pub feature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    pub code: Code,
    pub expected: String,
    /// Only where the contract allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The answer of the model is wrong, and not the request.
    pub of_answer: bool,
    /// All violations, listed or not.
    pub total: u64,
    pub violations: Vec<Violation>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.of_answer { "answer" } else { "request" };
        let s = if self.total == 1 { "" } else { "s" };
        write!(f, "the {what} breaks the model's contract: {} violation{s}", self.total)?;
        let Some(first) = self.violations.first() else { return Ok(()) };
        write!(f, ", the first: '{}' is {}", first.feature, first.code.as_str())?;
        write!(f, ", expected {}", first.expected)
    }
}
