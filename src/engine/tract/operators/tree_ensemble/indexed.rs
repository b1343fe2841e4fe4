//! The attributes of `TreeEnsemble` (ai.onnx.ml 5): nodes and leaves in two lists, found by
//! their index.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{bail, format_err};

use super::flat::{expect_length, ints, tensor_values};
use super::source::{Branch, Child, Question, Source, Weight};
use crate::engine::tract::operators::values::{slice, width};

pub(super) fn read(context: &ParsingContext, node: &NodeProto) -> TractResult<Source> {
    let targets = width("n_targets", node.get_attr_opt("n_targets")?.unwrap_or(1))?;
    let leaf_targets = ints(node, "leaf_targetids")?;
    let weights = tensor(context, node, "leaf_weights")?;
    expect_length("leaf_weights", weights.len(), ("leaf_targetids", leaf_targets.len()))?;
    let leaf = |(&target, &value): (&i64, &f64)| {
        Ok(vec![Weight { target: index("leaf_targetids", target, targets)?, value }])
    };
    let leaves: Vec<Vec<Weight>> =
        leaf_targets.iter().zip(&weights).map(leaf).collect::<TractResult<_>>()?;
    let nodes = Nodes::read(context, node)?;
    let branches = nodes.branches(leaves.len())?;
    let roots = ints(node, "tree_roots")?;
    let root = |&root: &i64| Ok(Child::Branch(index("tree_roots", root, branches.len())?));
    let roots = roots.iter().map(root).collect::<TractResult<_>>()?;
    Ok(Source { branches, leaves, roots, targets })
}

struct Nodes {
    features: Vec<i64>,
    questions: Vec<Question>,
    when_true: Vec<i64>,
    when_false: Vec<i64>,
    true_is_leaf: Vec<i64>,
    false_is_leaf: Vec<i64>,
    missing: Vec<i64>,
}

impl Nodes {
    fn read(context: &ParsingContext, node: &NodeProto) -> TractResult<Self> {
        let features = ints(node, "nodes_featureids")?;
        let same = |name: &str, found: usize| {
            expect_length(name, found, ("nodes_featureids", features.len()))
        };
        let list = |name: &str| {
            let list = ints(node, name)?;
            same(name, list.len())?;
            TractResult::Ok(list)
        };
        let splits = tensor(context, node, "nodes_splits")?;
        same("nodes_splits", splits.len())?;
        let modes = required(node, "nodes_modes")?;
        let modes = context.load_tensor(modes)?;
        let modes = slice::<u8>(&modes)?;
        same("nodes_modes", modes.len())?;
        let missing = ints(node, "nodes_missing_value_tracks_true")?;
        if !missing.is_empty() {
            same("nodes_missing_value_tracks_true", missing.len())?;
        }
        let members = match node.get_attr_opt::<&TensorProto>("membership_values")? {
            Some(values) => tensor_values(context, values)?,
            None => Vec::new(),
        };
        Ok(Self {
            questions: questions(modes, &splits, &members)?,
            when_true: list("nodes_truenodeids")?,
            when_false: list("nodes_falsenodeids")?,
            true_is_leaf: list("nodes_trueleafs")?,
            false_is_leaf: list("nodes_falseleafs")?,
            features,
            missing,
        })
    }

    fn branches(&self, leaves: usize) -> TractResult<Vec<Branch>> {
        let count = self.features.len();
        let child = |name: &str, child: i64, is_leaf: i64| match is_leaf {
            0 => Ok(Child::Branch(index(name, child, count)?)),
            _ => TractResult::Ok(Child::Leaf(index(name, child, leaves)?)),
        };
        let branch = |(node, question): (usize, &Question)| {
            Ok(Branch {
                feature: index("nodes_featureids", self.features[node], usize::MAX)?,
                question: question.clone(),
                when_true: child(
                    "nodes_truenodeids",
                    self.when_true[node],
                    self.true_is_leaf[node],
                )?,
                when_false: child(
                    "nodes_falsenodeids",
                    self.when_false[node],
                    self.false_is_leaf[node],
                )?,
                missing_is_true: self.missing.get(node).is_some_and(|&missing| missing != 0),
            })
        };
        self.questions.iter().enumerate().map(branch).collect()
    }
}

/// The questions by mode; the sets of members come one after another, each ended by NaN.
fn questions(modes: &[u8], splits: &[f64], members: &[f64]) -> TractResult<Vec<Question>> {
    let mut sets = members.split(|value| value.is_nan());
    let question = |(&mode, &split): (&u8, &f64)| {
        Ok(match mode {
            0 => Question::LessOrEqual(split),
            1 => Question::Less(split),
            2 => Question::GreaterOrEqual(split),
            3 => Question::Greater(split),
            4 => Question::Equal(split),
            5 => Question::NotEqual(split),
            6 => {
                let set = sets.next().filter(|set| !set.is_empty());
                let missing = || {
                    format_err!(
                        "attribute 'membership_values' has fewer sets than nodes that ask for membership"
                    )
                };
                Question::Member(set.ok_or_else(missing)?.to_vec())
            }
            other => bail!("attribute 'nodes_modes' holds {other}, expected 0 to 6"),
        })
    };
    modes.iter().zip(splits).map(question).collect()
}

fn required<'a>(node: &'a NodeProto, name: &str) -> TractResult<&'a TensorProto> {
    node.get_attr_opt(name)?.ok_or_else(|| format_err!("attribute '{name}' is missing"))
}

fn tensor(context: &ParsingContext, node: &NodeProto, name: &str) -> TractResult<Vec<f64>> {
    tensor_values(context, required(node, name)?)
}

/// The value as an index below `count`.
fn index(name: &str, value: i64, count: usize) -> TractResult<usize> {
    usize::try_from(value)
        .ok()
        .filter(|&index| index < count)
        .ok_or_else(|| format_err!("attribute '{name}' holds {value}, of {count} there are"))
}
