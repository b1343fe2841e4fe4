//! Trees in memory, laid out for walking.
//!
//! All nodes lie in one array. The two children of a node lie side by side, so that a step
//! is an addition; a leaf leads to itself, so that a walk needs no test for its end and
//! may go on for as many steps as the tree is deep.

use std::collections::VecDeque;

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{bail, ensure};

use super::number::Number;
use super::questions::{self, Graph, Id};
use super::source::Source;

/// An ensemble ready to be walked.
pub(super) struct Forest<T> {
    pub(super) nodes: Vec<Node<T>>,
    pub(super) trees: Vec<Tree>,
    pub(super) leaves: Leaves<T>,
    /// Scores per row.
    pub(super) targets: usize,
    /// The columns of the input that some node asks for, in ascending order.
    pub(super) columns: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node<T> {
    pub(super) threshold: T,
    /// An index into a row's prepared values (see `walk`): twice the place of the feature
    /// in [`Forest::columns`], plus one where NaN goes left.
    pub(super) value: u32,
    /// The position of the left child; the right one follows. A leaf leads to itself.
    pub(super) child: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    pub(super) root: u32,
    /// Steps to the farthest leaf.
    pub(super) depth: u32,
}

/// What leaves contribute, by their position among the nodes.
pub(super) enum Leaves<T> {
    /// To the only target.
    One(Vec<T>),
    Many {
        /// Start and end in `weights`.
        ranges: Vec<(u32, u32)>,
        /// Target and contribution.
        weights: Vec<(u32, T)>,
    },
}

impl<T: Number> Forest<T> {
    /// # Errors
    /// If the nodes form no trees, or are too many.
    pub(super) fn new(source: &Source) -> TractResult<Self> {
        let graph = questions::simplify::<T>(source);
        let heights = heights(&graph)?;
        let mut columns: Vec<usize> = source.branches.iter().map(|branch| branch.feature).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut layout = Layout::new(&graph, &columns)?;
        let mut trees = Vec::with_capacity(graph.roots.len());
        for &root in &graph.roots {
            trees.push(Tree { root: layout.tree(root)?, depth: heights[root] });
        }
        let Layout { nodes, leaf_at, .. } = layout;
        let leaves = Leaves::new(source, &leaf_at)?;
        Ok(Self { nodes, trees, leaves, targets: source.targets, columns })
    }
}

impl<T> Forest<T> {
    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let leaves = match &self.leaves {
            Leaves::One(values) => size_of_val(values.as_slice()),
            Leaves::Many { ranges, weights } => {
                size_of_val(ranges.as_slice()) + size_of_val(weights.as_slice())
            }
        };
        size_of_val(self.nodes.as_slice()) + leaves
    }
}

impl<T: Number> Leaves<T> {
    fn new(source: &Source, leaf_at: &[Option<usize>]) -> TractResult<Self> {
        let weights_at = |at: &Option<usize>| at.map_or(&[][..], |leaf| &source.leaves[leaf]);
        if source.targets == 1 {
            // A leaf that names the target twice counts once, as in onnxruntime.
            let value = |at| weights_at(at).first().map(|weight| T::of(weight.value));
            return Ok(Self::One(leaf_at.iter().map(|at| value(at).unwrap_or_default()).collect()));
        }
        let mut weights = Vec::new();
        let mut ranges = Vec::with_capacity(leaf_at.len());
        for at in leaf_at {
            let start = u32::try_from(weights.len())?;
            for weight in weights_at(at) {
                weights.push((u32::try_from(weight.target)?, T::of(weight.value)));
            }
            ranges.push((start, u32::try_from(weights.len())?));
        }
        Ok(Self::Many { ranges, weights })
    }
}

/// Steps from each node to its farthest leaf.
///
/// # Errors
/// If a node leads back to itself.
fn heights<T>(graph: &Graph<T>) -> TractResult<Vec<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; graph.nodes.len()];
    let mut heights = vec![0u32; graph.nodes.len()];
    let mut stack: Vec<Id> = graph.roots.clone();
    while let Some(&id) = stack.last() {
        let questions::Node::Ask { left, right, .. } = graph.nodes[id] else {
            state[id] = State::Done;
            stack.pop();
            continue;
        };
        match state[id] {
            State::Done => {
                stack.pop();
            }
            State::New => {
                state[id] = State::Open;
                for child in [left, right] {
                    match state[child] {
                        State::Open => bail!("the nodes of a tree form a circle"),
                        State::New => stack.push(child),
                        State::Done => {}
                    }
                }
            }
            State::Open => {
                heights[id] = 1 + heights[left].max(heights[right]);
                state[id] = State::Done;
                stack.pop();
            }
        }
    }
    Ok(heights)
}

/// Places the nodes of a graph.
struct Layout<'a, T> {
    graph: &'a Graph<T>,
    columns: &'a [usize],
    nodes: Vec<Node<T>>,
    /// The leaf at a position.
    leaf_at: Vec<Option<usize>>,
    /// Where each node of the graph was placed first.
    placed: Vec<Option<u32>>,
}

impl<'a, T: Number> Layout<'a, T> {
    fn new(graph: &'a Graph<T>, columns: &'a [usize]) -> TractResult<Self> {
        // Every question places two children.
        ensure!(graph.nodes.len() < (1 << 30), "{} nodes are too many", graph.nodes.len());
        Ok(Self {
            graph,
            columns,
            nodes: Vec::new(),
            leaf_at: Vec::new(),
            placed: vec![None; graph.nodes.len()],
        })
    }

    /// Places a tree level by level, as the levels near the root are visited most, and
    /// returns where its root is.
    fn tree(&mut self, root: Id) -> TractResult<u32> {
        let first = self.reserve(1)?;
        let mut waiting = VecDeque::from([(root, first)]);
        let mut again = Vec::new();
        while let Some((id, at)) = waiting.pop_front() {
            match self.graph.nodes[id] {
                questions::Node::Leaf(leaf) => self.leaf(leaf, at),
                questions::Node::Ask { feature, threshold, left, right, nan_goes_left } => {
                    if let Some(original) = self.placed[id] {
                        again.push((at, original));
                        continue;
                    }
                    self.placed[id] = Some(at);
                    let child = self.reserve(2)?;
                    waiting.push_back((left, child));
                    waiting.push_back((right, child + 1));
                    let column = self.columns.binary_search(&feature).unwrap_or_default();
                    let value = u32::try_from(2 * column + usize::from(nan_goes_left))?;
                    self.nodes[at as usize] = Node { threshold, value, child };
                }
            }
        }
        // A shared node is there twice, its children are not.
        for (at, original) in again {
            self.nodes[at as usize] = self.nodes[original as usize];
        }
        Ok(first)
    }

    fn leaf(&mut self, leaf: usize, at: u32) {
        // Whatever the first column holds, the way goes left, back to here.
        self.nodes[at as usize] = Node { threshold: T::INFINITY, value: 1, child: at };
        self.leaf_at[at as usize] = Some(leaf);
    }

    fn reserve(&mut self, count: usize) -> TractResult<u32> {
        let at = u32::try_from(self.nodes.len())?;
        let nothing = Node { threshold: T::default(), value: 0, child: 0 };
        self.nodes.resize(self.nodes.len() + count, nothing);
        self.leaf_at.resize(self.nodes.len(), None);
        Ok(at)
    }
}
