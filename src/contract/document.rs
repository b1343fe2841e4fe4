//! A contract as its owner writes it.

use std::fmt;

use serde::Serialize;

use super::number::Number;
use crate::digest;

/// The name of a contract that lies beside the model.
pub const CONTRACT_FILE: &str = "contract.toml";

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    pub mode: Mode,
    /// Whether values may be shown: they may be personal data.
    pub values: bool,
    /// Rows that a request may have.
    pub max_rows: Option<usize>,
    pub features: Vec<FeatureRule>,
    pub rows: Vec<RowRule>,
    pub outputs: Vec<OutputRule>,
}

/// What a violation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Off,
    /// It is counted.
    #[default]
    Observe,
    /// The answer says so.
    Warn,
    /// There is no answer.
    Reject,
    /// The same, and the rows are kept for a look.
    Quarantine,
    /// The values are replaced; where that cannot be, as `Reject`.
    Repair,
}

/// Where a rule stands in its file. Two contracts that say the same are equal.
#[derive(Clone, Copy, Default)]
pub struct Line(pub usize);

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeatureRule {
    pub line: Line,
    pub name: String,
    pub mode: Option<Mode>,
    /// Whether a value may be missing: NaN, or an empty text.
    pub nullable: Option<bool>,
    pub nan: Option<bool>,
    pub inf: Option<bool>,
    pub min: Option<Number>,
    pub max: Option<Number>,
    pub set: Option<Vec<Scalar>>,
    pub pattern: Option<String>,
    pub max_length: Option<usize>,
    /// Too small and too large numbers become the bound.
    pub clip: bool,
    /// Stands in for what breaks the rule.
    pub impute: Option<Scalar>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Number(Number),
    Text(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct RowRule {
    pub line: Line,
    pub mode: Option<Mode>,
    pub relation: Relation,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    /// Of two features that are numbers; where one is missing nothing is demanded.
    Compare {
        left: String,
        operator: Operator,
        right: String,
    },
    RequiredIf(Required),
}

/// Where one feature has this value, another must not be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Required {
    pub feature: String,
    pub equals: Scalar,
    pub then: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    AtMost,
    Less,
    Equal,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutputRule {
    pub line: Line,
    pub name: String,
    pub mode: Option<Mode>,
    pub finite: bool,
    pub min: Option<Number>,
    pub max: Option<Number>,
}

impl Document {
    /// Eight hexadecimal digits that two contracts have in common if they say the same.
    #[must_use]
    pub fn id(&self) -> String {
        digest::short(format!("{self:?}"))
    }

    /// The same rules, none of which refuses or changes anything.
    #[must_use]
    pub fn observing(mut self) -> Self {
        let modes = self.features.iter_mut().map(|rule| &mut rule.mode);
        let modes = modes.chain(self.rows.iter_mut().map(|rule| &mut rule.mode));
        let modes = modes.chain(self.outputs.iter_mut().map(|rule| &mut rule.mode));
        modes.flatten().for_each(|mode| *mode = mode.observing());
        self.mode = self.mode.observing();
        self.max_rows = None;
        self
    }
}

impl Mode {
    fn observing(self) -> Self {
        if self == Self::Off { Self::Off } else { Self::Observe }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Reject => "reject",
            Self::Quarantine => "quarantine",
            Self::Repair => "repair",
        }
    }

    /// Whether what breaks such a rule, and is not repaired, has no answer.
    pub(super) fn refuses(self) -> bool {
        matches!(self, Self::Reject | Self::Quarantine | Self::Repair)
    }
}

impl Operator {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Less => "<",
            Self::Equal => "==",
        }
    }
}

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { left, operator, right } => {
                write!(f, "{left} {} {right}", operator.as_str())
            }
            Self::RequiredIf(Required { feature, equals, then }) => {
                write!(f, "{then} where {feature} is {equals}")
            }
        }
    }
}
