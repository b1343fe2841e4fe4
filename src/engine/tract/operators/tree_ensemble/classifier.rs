//! `TreeEnsembleClassifier` (ai.onnx.ml 1 and 3).
//!
//! Two classes of which the leaves score only one are the exporters' way to write a binary
//! classifier: the score speaks for the second class. What it is compared with, and how the
//! other score follows, depends on the weights, as in onnxruntime. Where leaves score both,
//! the label is that of the larger score, as the specification says (onnxruntime looks at
//! the second score only).

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

use super::flat::{self, Prefix};
use super::number::Number;
use super::scores::Scores;
use super::source::{Aggregate, Source};
use super::{Kernel, Trees, score};
use crate::engine::tract::operators::Built;
use crate::engine::tract::operators::bridge::{self, Given, Operator, Promise};
use crate::engine::tract::operators::labels::Labels;
use crate::engine::tract::operators::post_transform::{PostTransform, logistic};
use crate::engine::tract::operators::values::{NUMBERS, tensor};

pub(in crate::engine::tract::operators) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> Built {
    let labels = Labels::of(node, "classlabels_int64s", "classlabels_strings")?;
    let classes = labels.len();
    // For two classes exporters write one base value or two.
    let allowed = if classes == 2 { &[1, 2][..] } else { &[classes] };
    let base = flat::base_values(context, node, allowed)?;
    let source = flat::read(context, node, &Prefix("class"), classes)?;
    let finish = Finish {
        base,
        classes,
        binary: Binary::of(&source),
        post_transform: PostTransform::of(node)?,
    };
    bridge::node(node, Classifier { trees: Trees::new(source, Aggregate::Sum), labels, finish })
}

#[derive(Debug)]
struct Classifier {
    trees: Trees,
    labels: Labels,
    finish: Finish,
}

impl Operator for Classifier {
    fn name(&self) -> &'static str {
        "TreeEnsembleClassifier"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        let rows = self.trees.rows(x, &NUMBERS)?;
        Ok(vec![
            Promise::new(self.labels.datum_type(), [rows.clone()]),
            Promise::new(DatumType::F32, [rows, self.finish.classes.into()]),
        ])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (rows, (winners, scores)) = match self.trees.kernel(x.datum_type())? {
            Kernel::Floats(forest) => {
                let (rows, scores) = score(forest, x, Aggregate::Sum)?;
                (rows, self.finish.rows(scores))
            }
            Kernel::Doubles(forest) => {
                let (rows, scores) = score(forest, x, Aggregate::Sum)?;
                (rows, self.finish.rows(scores))
            }
        };
        let labels = self.labels.tensor(&winners, &[rows])?;
        Ok(tvec!(labels, tensor(&[rows, self.finish.classes], scores)?))
    }

    fn bytes(&self) -> usize {
        self.trees.bytes()
    }
}

/// Two classes of which only one is scored.
#[derive(Debug, Clone, Copy)]
struct Binary {
    scored: usize,
    /// No weight is negative, so that the score is a probability.
    probability: bool,
}

impl Binary {
    fn of(source: &Source) -> Option<Self> {
        let mut weights = source.leaves.iter().flatten();
        let scored = weights.clone().next()?.target;
        (source.targets == 2 && weights.clone().all(|weight| weight.target == scored))
            .then(|| Self { scored, probability: weights.all(|weight| weight.value >= 0.0) })
    }
}

/// What happens to sums.
#[derive(Debug)]
struct Finish {
    /// Added to the classes; empty, one each, or one for two classes.
    base: Vec<f64>,
    classes: usize,
    binary: Option<Binary>,
    post_transform: PostTransform,
}

impl Finish {
    /// The winning class of each row, and all scores.
    fn rows<T: Number>(&self, sums: Scores<T>) -> (Vec<usize>, Vec<f32>) {
        let Scores { mut scores, mut seen } = sums;
        let base: Vec<T> = self.base.iter().map(|&base| T::of(base)).collect();
        let classes = self.classes;
        let mut winners = Vec::with_capacity(scores.len() / classes);
        let mut finished = Vec::with_capacity(scores.len());
        for (row, sums) in scores.chunks_mut(classes).enumerate() {
            if let Some(binary) = self.binary {
                let base = base.get(binary.scored).or_else(|| base.first());
                let sum = sums[binary.scored] + base.copied().unwrap_or_default();
                winners.push(usize::from(sum > binary.threshold()));
                finished.extend(binary.scores(sum.to_f32(), self.post_transform));
                continue;
            }
            sums.iter_mut().zip(&base).for_each(|(sum, &base)| *sum = *sum + base);
            let seen = seen.get_mut(row * classes..(row + 1) * classes).unwrap_or_default();
            seen.iter_mut().zip(&base).for_each(|(seen, _)| *seen = true);
            winners.push(winner(sums, seen));
            let from = finished.len();
            finished.extend(sums.iter().map(|sum| sum.to_f32()));
            self.post_transform.apply(&mut finished[from..]);
        }
        (winners, finished)
    }
}

/// The class with the largest score, the first of equals, among those that have one.
fn winner<T: Number>(sums: &[T], seen: &[bool]) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (class, &sum) in sums.iter().enumerate() {
        let scored = seen.get(class).copied().unwrap_or(true);
        if scored && best.is_none_or(|(_, best)| sum > best) {
            best = Some((class, sum));
        }
    }
    best.map_or(0, |(class, _)| class)
}

impl Binary {
    /// The sum above which the second class wins.
    fn threshold<T: Number>(self) -> T {
        T::of(if self.probability { 0.5 } else { 0.0 })
    }

    /// The scores of both classes.
    fn scores(self, sum: f32, post_transform: PostTransform) -> [f32; 2] {
        let mut pair = match (self.scored, post_transform) {
            // The leaves score the second class under its own name: nothing is derived.
            (1, _) => [0.0, sum],
            (_, PostTransform::Logistic) => return [logistic(-sum), logistic(sum)],
            (_, PostTransform::Probit) => [1.0 - sum, sum],
            _ if self.probability => return [1.0 - sum, sum],
            _ => return [-sum, sum],
        };
        post_transform.apply(&mut pair);
        pair
    }
}
