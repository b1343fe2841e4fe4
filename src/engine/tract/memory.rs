//! What a plan holds in memory, from its graph: the weights, and the largest set of values
//! alive at once.

use std::collections::HashSet;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;

/// Bytes, estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    /// tract's optimiser packs weights for its kernels, so each plan has a copy of its own; not
    /// of those that the plans share (see `passes`).
    pub(super) weights: u64,
    pub(super) working_set: u64,
}

impl Estimate {
    pub(super) fn total(self) -> u64 {
        self.weights + self.working_set
    }
}

/// Bytes of the constants of a graph that is not yet optimised: after that they are packed
/// inside operators, where they cannot be counted.
pub(super) fn weights(model: &InferenceModel) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for node in model.nodes() {
        if let Some(constant) = node.op_as::<Const>()
            && seen.insert(Arc::as_ptr(constant.val()))
        {
            let tensor = constant.val();
            bytes += (tensor.len() * tensor.datum_type().size_of()) as u64;
        }
    }
    bytes
}

/// Walks the graph in order and adds up what is alive. A dimension that is still a symbol
/// counts as one.
pub(super) fn working_set(model: &TypedModel) -> u64 {
    let Ok(order) = model.eval_order() else { return 0 };
    let mut waiting: Vec<usize> = model
        .nodes()
        .iter()
        .map(|node| node.outputs.iter().map(|output| output.successors.len()).sum())
        .collect();
    let (mut alive, mut peak) = (0u64, 0u64);
    for id in order {
        let node = model.node(id);
        alive += node_bytes(node);
        peak = peak.max(alive);
        for input in &node.inputs {
            waiting[input.node] = waiting[input.node].saturating_sub(1);
            if waiting[input.node] == 0 {
                alive = alive.saturating_sub(node_bytes(model.node(input.node)));
            }
        }
    }
    peak
}

fn node_bytes(node: &TypedNode) -> u64 {
    if node.op_is::<Const>() {
        return 0;
    }
    node.outputs
        .iter()
        .map(|output| {
            let elements: u64 = output
                .fact
                .shape
                .iter()
                .map(|dim| dim.to_i64().ok().and_then(|d| u64::try_from(d).ok()).unwrap_or(1))
                .product();
            elements * output.fact.datum_type.size_of() as u64
        })
        .sum()
}
