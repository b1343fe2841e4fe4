//! `TreeEnsemble` (ai.onnx.ml 5).

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::number::Number;
use super::source::Aggregate;
use super::{Kernel, Trees, indexed, score};
use crate::engine::tract::operators::Built;
use crate::engine::tract::operators::bridge::{self, Given, Operator, Promise};
use crate::engine::tract::operators::post_transform::PostTransform;
use crate::engine::tract::operators::values::tensor;

pub(in crate::engine::tract::operators) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> Built {
    let aggregate = match node.get_attr_opt::<i64>("aggregate_function")? {
        Some(0) => Aggregate::Average,
        None | Some(1) => Aggregate::Sum,
        Some(2) => Aggregate::Min,
        Some(3) => Aggregate::Max,
        Some(other) => bail!("attribute 'aggregate_function' is {other}, expected 0 to 3"),
    };
    let post_transform = match node.get_attr_opt::<i64>("post_transform")? {
        None | Some(0) => PostTransform::None,
        Some(1) => PostTransform::Softmax,
        Some(2) => PostTransform::Logistic,
        Some(3) => PostTransform::SoftmaxZero,
        Some(4) => PostTransform::Probit,
        Some(other) => bail!("attribute 'post_transform' is {other}, expected 0 to 4"),
    };
    let source = indexed::read(context, node)?;
    let targets = source.targets;
    bridge::node(node, Ensemble { trees: Trees::new(source, aggregate), targets, post_transform })
}

#[derive(Debug)]
struct Ensemble {
    trees: Trees,
    targets: usize,
    post_transform: PostTransform,
}

impl Operator for Ensemble {
    fn name(&self) -> &'static str {
        "TreeEnsemble"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        let rows = self.trees.rows(x, &[DatumType::F32, DatumType::F64, DatumType::F16])?;
        Ok(vec![Promise::new(x.datum_type, [rows, self.targets.into()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let aggregate = self.trees.aggregate;
        let output = match self.trees.kernel(x.datum_type())? {
            Kernel::Floats(forest) => {
                let (rows, scores) = score(forest, x, aggregate)?;
                tensor(&[rows, self.targets], self.transform(scores.scores))?
            }
            Kernel::Doubles(forest) => {
                let (rows, scores) = score(forest, x, aggregate)?;
                tensor(&[rows, self.targets], self.transform(scores.scores))?
            }
        };
        Ok(tvec!(output.cast_to_dt(x.datum_type())?.into_owned().into_tvalue()))
    }

    fn bytes(&self) -> usize {
        self.trees.bytes()
    }
}

impl Ensemble {
    /// A single target is transformed by PROBIT only, as in onnxruntime.
    fn transform<T: Number>(&self, scores: Vec<T>) -> Vec<T> {
        let single = self.targets == 1 && self.post_transform != PostTransform::Probit;
        if single || self.post_transform == PostTransform::None {
            return scores;
        }
        let mut floats: Vec<f32> = scores.into_iter().map(Number::to_f32).collect();
        self.post_transform.apply_to_rows(&mut floats, self.targets);
        floats.into_iter().map(|score| T::of(f64::from(score))).collect()
    }
}
