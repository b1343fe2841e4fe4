//! What the columns of a tensor stand for: features of an input, classes of an output.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

/// Names for the entries of a tensor's last axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: Vec<Label>,
    role: Role,
    by_name: HashMap<String, usize>,
}

/// A name as the file gives it: classes are often numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Label {
    Int(i64),
    Text(String),
}

/// What the names are names of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of an input; a row has a value for each.
    Features,
    /// Of an input that was a map: what a row leaves out is nought.
    SparseFeatures,
    /// Of an output.
    Classes,
    /// Of an output that the file declares to be a map from class to score in every row.
    ClassMap,
}

impl Columns {
    /// # Errors
    /// The name that is there twice.
    pub fn new(names: Vec<Label>, role: Role) -> Result<Self, String> {
        let mut by_name = HashMap::with_capacity(names.len());
        for (column, name) in names.iter().enumerate() {
            if by_name.insert(name.to_string(), column).is_some() {
                return Err(name.to_string());
            }
        }
        Ok(Self { names, role, by_name })
    }

    #[must_use]
    pub fn names(&self) -> &[Label] {
        &self.names
    }

    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The column of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
