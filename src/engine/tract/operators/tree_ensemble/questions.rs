//! Every question said in terms of one: is x <= threshold?
//!
//! With a single kind of comparison the walk through a tree needs no branch but the loop.
//! `x < t` is `x <= (the number below t)`; `>=` and `>` swap the children; `==` is two
//! questions, and membership a balanced search. Where the rewritten question would treat a
//! missing value (NaN) otherwise than the original, the node's flag says which way it goes.

use std::cmp::Ordering;

use super::number::Number;
use super::source::{Branch, Child, Question, Source};

/// An index into [`Graph::nodes`].
pub(super) type Id = usize;

/// Trees of simple questions. Subtrees may be shared.
pub(super) struct Graph<T> {
    pub(super) nodes: Vec<Node<T>>,
    pub(super) roots: Vec<Id>,
}

pub(super) enum Node<T> {
    Ask {
        feature: usize,
        threshold: T,
        /// Where x <= threshold.
        left: Id,
        right: Id,
        nan_goes_left: bool,
    },
    /// An index into [`Source::leaves`].
    Leaf(usize),
}

/// The same trees in simple questions.
pub(super) fn simplify<T: Number>(source: &Source) -> Graph<T> {
    let branches = source.branches.len();
    let id = |child: Child| match child {
        Child::Branch(branch) => branch,
        Child::Leaf(leaf) => branches + leaf,
    };
    let mut nodes: Vec<Node<T>> = Vec::with_capacity(branches + source.leaves.len());
    // Leaves and the first node of every branch keep their places; the rest comes after.
    let mut simplifier =
        Simplifier { extra: Vec::new(), first_extra: branches + source.leaves.len() };
    for branch in &source.branches {
        let asked = simplifier.ask(branch, id(branch.when_true), id(branch.when_false));
        nodes.push(asked);
    }
    nodes.extend((0..source.leaves.len()).map(Node::Leaf));
    nodes.append(&mut simplifier.extra);
    Graph { nodes, roots: source.roots.iter().map(|&root| id(root)).collect() }
}

struct Simplifier<T> {
    extra: Vec<Node<T>>,
    first_extra: Id,
}

impl<T: Number> Simplifier<T> {
    fn ask(&mut self, branch: &Branch, yes: Id, no: Id) -> Node<T> {
        let feature = branch.feature;
        let missing = branch.missing_is_true;
        let at = |t: f64| T::of(t);
        match branch.question {
            // No number is on either side of NaN.
            Question::GreaterOrEqual(t) | Question::Greater(t) | Question::Equal(t)
                if t.is_nan() =>
            {
                self.le(feature, T::NAN, (yes, no), missing)
            }
            Question::LessOrEqual(t) => self.le(feature, at(t), (yes, no), missing),
            Question::Less(t) => self.le(feature, at(t).below(), (yes, no), missing),
            Question::GreaterOrEqual(t) => self.le(feature, at(t).below(), (no, yes), !missing),
            Question::Greater(t) => self.le(feature, at(t), (no, yes), !missing),
            Question::Equal(t) => self.search(feature, &[at(t)], (yes, no), missing),
            // NaN differs from everything, also where it counts as missing.
            Question::NotEqual(t) if t.is_nan() => self.le(feature, T::NAN, (no, yes), false),
            Question::NotEqual(t) => self.search(feature, &[at(t)], (no, yes), false),
            Question::Member(ref values) => {
                let mut values: Vec<T> =
                    values.iter().map(|&value| at(value)).filter(|v| !v.is_nan()).collect();
                values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
                values.dedup();
                self.search(feature, &values, (yes, no), missing)
            }
        }
    }

    /// Whether x is one of these sorted values.
    fn search(
        &mut self,
        feature: usize,
        values: &[T],
        (yes, no): (Id, Id),
        missing_is_yes: bool,
    ) -> Node<T> {
        let Some(middle) = values.len().checked_sub(1).map(|last| last / 2) else {
            return self.le(feature, T::NAN, (yes, no), missing_is_yes);
        };
        let mut side = |values: &[T]| {
            if values.is_empty() {
                return no;
            }
            let node = self.search(feature, values, (yes, no), false);
            self.add(node)
        };
        let (smaller, larger) = (side(&values[..middle]), side(&values[middle + 1..]));
        let not_larger = self.le(feature, values[middle].below(), (smaller, yes), false);
        let not_larger = self.add(not_larger);
        self.le(feature, values[middle], (not_larger, larger), missing_is_yes)
    }

    /// The simple question. A walk lets NaN go left by taking it for negative infinity,
    /// which must then lie below the threshold.
    fn le(
        &mut self,
        feature: usize,
        threshold: T,
        (left, right): (Id, Id),
        nan_goes_left: bool,
    ) -> Node<T> {
        if !(nan_goes_left && threshold.is_nan()) {
            return Node::Ask { feature, threshold, left, right, nan_goes_left };
        }
        // Nothing but NaN goes left: ask the lowest of all whether it is a number.
        let number = self.le(feature, T::INFINITY, (right, left), false);
        let left = self.add(number);
        Node::Ask { feature, threshold: T::NEG_INFINITY, left, right, nan_goes_left }
    }

    fn add(&mut self, node: Node<T>) -> Id {
        self.extra.push(node);
        self.first_extra + self.extra.len() - 1
    }
}
