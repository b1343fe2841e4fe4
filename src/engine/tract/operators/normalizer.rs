//! Normalizer (ai.onnx.ml 1): each row divided by its norm.
//!
//! Like onnxruntime's: `MAX` is the largest value, not the largest magnitude, and a row
//! whose norm is nought stays as it is.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{NUMBERS, expect_type, matrix, matrix_dims, narrow, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let norm = match node.get_attr_opt::<&str>("norm")? {
        None | Some("MAX") => Normalizer::Max,
        Some("L1") => Normalizer::L1,
        Some("L2") => Normalizer::L2,
        Some(other) => bail!("attribute 'norm' is '{other}', expected MAX, L1 or L2"),
    };
    bridge::node(node, norm)
}

#[derive(Debug)]
enum Normalizer {
    Max,
    L1,
    L2,
}

impl Operator for Normalizer {
    fn name(&self) -> &'static str {
        "Normalizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        matrix_dims(&x.dims)?;
        Ok(vec![Promise::new(DatumType::F32, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let (_, columns) = matrix(x.shape())?;
        let values = numbers::<f64>(x)?;
        let mut normal = Vec::with_capacity(values.len());
        for row in values.chunks_exact(columns.max(1)) {
            self.append(row, &mut normal);
        }
        Ok(tvec!(tensor(x.shape(), normal)?))
    }
}

impl Normalizer {
    fn append(&self, row: &[f64], normal: &mut Vec<f32>) {
        let square = |&x: &f64| narrow(x * x);
        let norm = match self {
            Self::Max => row.iter().fold(f32::MIN, |max, &x| max.max(narrow(x))),
            Self::L1 => row.iter().map(|x| narrow(x.abs())).sum(),
            Self::L2 => row.iter().map(square).sum(),
        };
        // A norm that is not a number is not nought either.
        if norm == 0.0 {
            normal.extend(row.iter().map(|&x| narrow(x)));
        } else if matches!(self, Self::L2) {
            let share = |x: &f64| (square(x) / norm).sqrt();
            normal.extend(row.iter().map(|x| if *x < 0.0 { -share(x) } else { share(x) }));
        } else {
            normal.extend(row.iter().map(|&x| narrow(x) / norm));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn rows_are_divided_by_their_norm_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_normalizer.onnx");
    }

    #[test]
    fn an_unknown_norm_is_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_normalizer.onnx", attribute, reason);
        refuses(refusals::string("norm", "L3"), "attribute 'norm' is 'L3', expected MAX, L1 or L2");
    }
}
