//! An ensemble as a file describes it, whichever version of the operators it uses.

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::bail;

/// Nodes of all trees together.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) branches: Vec<Branch>,
    /// Each leaf's contributions; empty adds nothing.
    pub(super) leaves: Vec<Vec<Weight>>,
    /// Where each tree starts, in the order in which they add up.
    pub(super) roots: Vec<Child>,
    /// Scores per row.
    pub(super) targets: usize,
}

/// A node with a question.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) feature: usize,
    pub(super) question: Question,
    pub(super) when_true: Child,
    pub(super) when_false: Child,
    /// A missing value (NaN) counts as true.
    pub(super) missing_is_true: bool,
}

/// What a node asks about its feature's value x. NaN answers false to all but `NotEqual`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    LessOrEqual(f64),
    Less(f64),
    GreaterOrEqual(f64),
    Greater(f64),
    Equal(f64),
    NotEqual(f64),
    /// x is one of these.
    Member(Vec<f64>),
}

/// An index into [`Source::branches`] or [`Source::leaves`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Branch(usize),
    Leaf(usize),
}

/// What a leaf adds to a target's score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub(super) target: usize,
    pub(super) value: f64,
}

/// How the leaves that a row reaches become one score per target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

impl Question {
    /// The question of a node by its mode in the file.
    pub(super) fn new(mode: &str, threshold: f64) -> TractResult<Self> {
        Ok(match mode {
            "BRANCH_LEQ" => Self::LessOrEqual(threshold),
            "BRANCH_LT" => Self::Less(threshold),
            "BRANCH_GTE" => Self::GreaterOrEqual(threshold),
            "BRANCH_GT" => Self::Greater(threshold),
            "BRANCH_EQ" => Self::Equal(threshold),
            "BRANCH_NEQ" => Self::NotEqual(threshold),
            other => bail!(
                "attribute 'nodes_modes' holds '{other}', expected BRANCH_LEQ, BRANCH_LT, \
                 BRANCH_GTE, BRANCH_GT, BRANCH_EQ, BRANCH_NEQ or LEAF"
            ),
        })
    }
}
