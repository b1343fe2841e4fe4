//! `TreeEnsembleRegressor` (ai.onnx.ml 1 and 3).

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::flat::{self, Prefix};
use super::number::Number;
use super::scores::Scores;
use super::source::Aggregate;
use super::{Kernel, Trees, score};
use crate::engine::tract::operators::Built;
use crate::engine::tract::operators::bridge::{self, Given, Operator, Promise};
use crate::engine::tract::operators::post_transform::PostTransform;
use crate::engine::tract::operators::values::{NUMBERS, tensor, width};

pub(in crate::engine::tract::operators) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> Built {
    let targets = width("n_targets", node.get_attr_opt("n_targets")?.unwrap_or(1))?;
    let aggregate = match node.get_attr_opt::<&str>("aggregate_function")? {
        None | Some("SUM") => Aggregate::Sum,
        Some("AVERAGE") => Aggregate::Average,
        Some("MIN") => Aggregate::Min,
        Some("MAX") => Aggregate::Max,
        Some(other) => {
            bail!("attribute 'aggregate_function' is '{other}', expected AVERAGE, SUM, MIN or MAX")
        }
    };
    let base = flat::base_values(context, node, &[targets])?;
    let source = flat::read(context, node, &Prefix("target"), targets)?;
    let finish = Finish { base, targets, post_transform: PostTransform::of(node)? };
    bridge::node(node, Regressor { trees: Trees::new(source, aggregate), finish })
}

#[derive(Debug)]
struct Regressor {
    trees: Trees,
    finish: Finish,
}

impl Operator for Regressor {
    fn name(&self) -> &'static str {
        "TreeEnsembleRegressor"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        let rows = self.trees.rows(x, &NUMBERS)?;
        Ok(vec![Promise::new(DatumType::F32, [rows, self.finish.targets.into()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let aggregate = self.trees.aggregate;
        let (rows, mut scores) = match self.trees.kernel(x.datum_type())? {
            Kernel::Floats(forest) => {
                let (rows, scores) = score(forest, x, aggregate)?;
                (rows, self.finish.with_base(scores))
            }
            Kernel::Doubles(forest) => {
                let (rows, scores) = score(forest, x, aggregate)?;
                (rows, self.finish.with_base(scores))
            }
        };
        self.finish.transform(&mut scores);
        Ok(tvec!(tensor(&[rows, self.finish.targets], scores)?))
    }

    fn bytes(&self) -> usize {
        self.trees.bytes()
    }
}

/// What happens to sums.
#[derive(Debug)]
struct Finish {
    /// Added to the targets; empty or one each.
    base: Vec<f64>,
    targets: usize,
    post_transform: PostTransform,
}

impl Finish {
    /// A target that none of a row's leaves names stays nought, base value or not, as in
    /// onnxruntime.
    fn with_base<T: Number>(&self, sums: Scores<T>) -> Vec<f32> {
        let Scores { mut scores, seen } = sums;
        let base: Vec<T> = self.base.iter().map(|&base| T::of(base)).collect();
        for (cell, (score, &base)) in scores.iter_mut().zip(base.iter().cycle()).enumerate() {
            if seen.get(cell).copied().unwrap_or(true) {
                *score = *score + base;
            }
        }
        scores.into_iter().map(Number::to_f32).collect()
    }

    /// A single target is transformed by PROBIT only, as in onnxruntime.
    fn transform(&self, scores: &mut [f32]) {
        if self.targets > 1 || self.post_transform == PostTransform::Probit {
            self.post_transform.apply_to_rows(scores, self.targets);
        }
    }
}
