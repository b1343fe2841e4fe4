//! The attributes of `TreeEnsembleClassifier` and `TreeEnsembleRegressor` (ai.onnx.ml 1 and
//! 3): nodes of all trees in one list, found by tree id and node id.

use std::collections::{HashMap, HashSet};

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{bail, ensure, format_err};

use super::source::{Branch, Child, Question, Source, Weight};
use crate::engine::tract::operators::values::slice;

/// A node's tree id and node id.
type Key = (i64, i64);

/// How the lists of weights are called: `class_…` or `target_…`.
pub(super) struct Prefix(pub(super) &'static str);

/// Reads the trees; there are `targets` scores per row.
pub(super) fn read(
    context: &ParsingContext,
    node: &NodeProto,
    prefix: &Prefix,
    targets: usize,
) -> TractResult<Source> {
    let nodes = Nodes::read(context, node)?;
    let mut children: HashMap<Key, Child> = HashMap::with_capacity(nodes.keys.len());
    let (mut branches, mut leaves) = (0, 0);
    let mut roots = Vec::new();
    let mut trees = HashSet::new();
    for (&key, mode) in nodes.keys.iter().zip(&nodes.modes) {
        let count = if mode == LEAF { &mut leaves } else { &mut branches };
        let child = if mode == LEAF { Child::Leaf(*count) } else { Child::Branch(*count) };
        *count += 1;
        ensure!(
            children.insert(key, child).is_none(),
            "node {} of tree {} is there twice",
            key.1,
            key.0
        );
        // The first node of a tree is its root.
        if trees.insert(key.0) {
            roots.push(child);
        }
    }
    let mut source = Source {
        branches: nodes.branches(&children)?,
        leaves: vec![Vec::new(); leaves],
        roots,
        targets,
    };
    add_weights(context, node, prefix, &children, &mut source)?;
    Ok(source)
}

const LEAF: &str = "LEAF";

struct Nodes {
    keys: Vec<Key>,
    modes: Vec<String>,
    features: Vec<i64>,
    values: Vec<f64>,
    when_true: Vec<i64>,
    when_false: Vec<i64>,
    missing: Vec<i64>,
}

impl Nodes {
    fn read(context: &ParsingContext, node: &NodeProto) -> TractResult<Self> {
        let trees = ints(node, "nodes_treeids")?;
        let same =
            |name: &str, found: usize| expect_length(name, found, ("nodes_treeids", trees.len()));
        let list = |name: &str| {
            let list = ints(node, name)?;
            same(name, list.len())?;
            TractResult::Ok(list)
        };
        let ids = list("nodes_nodeids")?;
        let modes: Vec<String> = node.get_attr_opt_vec("nodes_modes")?.unwrap_or_default();
        same("nodes_modes", modes.len())?;
        let values = floats(context, node, "nodes_values")?;
        same("nodes_values", values.len())?;
        let missing = ints(node, "nodes_missing_value_tracks_true")?;
        if !missing.is_empty() {
            same("nodes_missing_value_tracks_true", missing.len())?;
        }
        Ok(Self {
            features: list("nodes_featureids")?,
            when_true: list("nodes_truenodeids")?,
            when_false: list("nodes_falsenodeids")?,
            keys: trees.iter().copied().zip(ids).collect(),
            modes,
            values,
            missing,
        })
    }

    fn branches(&self, children: &HashMap<Key, Child>) -> TractResult<Vec<Branch>> {
        let inner = (0..self.keys.len()).filter(|&node| self.modes[node] != LEAF);
        inner.map(|node| self.branch(node, children)).collect()
    }

    fn branch(&self, node: usize, children: &HashMap<Key, Child>) -> TractResult<Branch> {
        let (tree, id) = self.keys[node];
        let child = |name: &str, child: i64| {
            children.get(&(tree, child)).copied().ok_or_else(|| {
                format_err!("attribute '{name}' of node {id} in tree {tree} is {child}, which the tree does not have")
            })
        };
        let feature = self.features[node];
        Ok(Branch {
            feature: usize::try_from(feature).map_err(|_| {
                format_err!(
                    "attribute 'nodes_featureids' holds {feature}, expected no negative number"
                )
            })?,
            question: Question::new(&self.modes[node], self.values[node])?,
            when_true: child("nodes_truenodeids", self.when_true[node])?,
            when_false: child("nodes_falsenodeids", self.when_false[node])?,
            missing_is_true: self.missing.get(node).is_some_and(|&missing| missing != 0),
        })
    }
}

fn add_weights(
    context: &ParsingContext,
    node: &NodeProto,
    Prefix(prefix): &Prefix,
    children: &HashMap<Key, Child>,
    source: &mut Source,
) -> TractResult<()> {
    let name = |rest: &str| format!("{prefix}_{rest}");
    let targets = ints(node, &name("ids"))?;
    let expected = (name("ids"), targets.len());
    let list = |rest: &str| {
        let list = ints(node, &name(rest))?;
        expect_length(&name(rest), list.len(), (&expected.0, expected.1))?;
        TractResult::Ok(list)
    };
    let (trees, nodes) = (list("treeids")?, list("nodeids")?);
    let weights = floats(context, node, &name("weights"))?;
    expect_length(&name("weights"), weights.len(), (&expected.0, expected.1))?;
    for (((&target, &value), tree), id) in targets.iter().zip(&weights).zip(trees).zip(nodes) {
        let target = usize::try_from(target)
            .ok()
            .filter(|&target| target < source.targets)
            .ok_or_else(|| {
                format_err!(
                    "attribute '{}' holds {target}, expected 0 to {}",
                    name("ids"),
                    source.targets - 1
                )
            })?;
        match children.get(&(tree, id)) {
            Some(&Child::Leaf(leaf)) => source.leaves[leaf].push(Weight { target, value }),
            // Some exporters give weights to inner nodes, too; no row ends there.
            Some(Child::Branch(_)) => {}
            None => bail!(
                "attribute '{}' names node {id} of tree {tree}, which is not there",
                name("nodeids")
            ),
        }
    }
    Ok(())
}

/// Base values, one for each of `targets`, or none; a single one where there are two.
pub(super) fn base_values(
    context: &ParsingContext,
    node: &NodeProto,
    allowed: &[usize],
) -> TractResult<Vec<f64>> {
    let values = floats(context, node, "base_values")?;
    ensure!(
        values.is_empty() || allowed.contains(&values.len()),
        "attribute 'base_values' has {} values, expected none or {}",
        values.len(),
        allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    );
    Ok(values)
}

/// # Errors
/// Unless two attributes have the same length.
pub(super) fn expect_length(
    name: &str,
    found: usize,
    (other, expected): (&str, usize),
) -> TractResult<()> {
    ensure!(found == expected, "attribute '{name}' has {found} values, '{other}' has {expected}");
    Ok(())
}

pub(super) fn ints(node: &NodeProto, name: &str) -> TractResult<Vec<i64>> {
    Ok(node.get_attr_opt_vec(name)?.unwrap_or_default())
}

/// Numbers given as floats, or under `<name>_as_tensor` as a tensor.
fn floats(context: &ParsingContext, node: &NodeProto, name: &str) -> TractResult<Vec<f64>> {
    let list: Vec<f32> = node.get_attr_opt_vec(name)?.unwrap_or_default();
    let as_tensor = format!("{name}_as_tensor");
    match node.get_attr_opt::<&TensorProto>(&as_tensor)? {
        None => Ok(list.into_iter().map(f64::from).collect()),
        Some(_) if !list.is_empty() => {
            bail!("attributes '{name}' and '{as_tensor}' are both there, expected one")
        }
        Some(tensor) => tensor_values(context, tensor),
    }
}

/// The numbers of a tensor attribute.
pub(super) fn tensor_values(
    context: &ParsingContext,
    tensor: &TensorProto,
) -> TractResult<Vec<f64>> {
    let tensor = context.load_tensor(tensor)?;
    Ok(slice::<f64>(tensor.cast_to::<f64>()?.as_ref())?.to_vec())
}
