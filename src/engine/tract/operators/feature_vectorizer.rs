//! `FeatureVectorizer` (ai.onnx.ml 1): inputs side by side, each cut or filled with zeros to
//! its declared width.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ToDim, bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{MAX_COLUMNS, NUMBERS, cells, expect_type, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let widths: Vec<i64> = node.get_attr_opt_vec("inputdimensions")?.unwrap_or_default();
    ensure!(
        widths.len() == node.input.len(),
        "attribute 'inputdimensions' has {} values for {} inputs",
        widths.len(),
        node.input.len()
    );
    let width = |width: &i64| match usize::try_from(*width) {
        Ok(known) => Ok(known),
        Err(_) => bail!("attribute 'inputdimensions' holds {width}, expected widths"),
    };
    let widths: Vec<usize> = widths.iter().map(width).collect::<TractResult<_>>()?;
    let all = widths.iter().try_fold(0usize, |all, width| all.checked_add(*width));
    ensure!(
        all.is_some_and(|all| all <= MAX_COLUMNS),
        "attribute 'inputdimensions' holds {widths:?}, expected {MAX_COLUMNS} columns at most"
    );
    bridge::node(node, FeatureVectorizer { widths })
}

#[derive(Debug)]
struct FeatureVectorizer {
    /// Of each input in the output.
    widths: Vec<usize>,
}

impl Operator for FeatureVectorizer {
    fn name(&self) -> &'static str {
        "FeatureVectorizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [first, ..] = inputs else { return bridge::arity(0, self.widths.len()) };
        for input in inputs {
            expect_type(input.datum_type, &NUMBERS)?;
        }
        let rows = match &*first.dims {
            [] => bail!("expected at least one dimension, came none"),
            [_] => 1.to_dim(),
            [rows, ..] => rows.clone(),
        };
        let width: usize = self.widths.iter().sum();
        Ok(vec![Promise::new(DatumType::F32, [rows, width.to_dim()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let (rows, _) = table(inputs[0].shape())?;
        let width = self.widths.iter().sum();
        let mut joined = vec![0f32; cells(rows, width)?];
        let mut offset = 0;
        for (number, (input, &kept)) in inputs.iter().zip(&self.widths).enumerate() {
            let (own, columns) = table(input.shape())?;
            ensure!(own == rows, "input {number} has {own} rows, the first one has {rows}");
            let copied = columns.min(kept);
            let values = numbers::<f32>(input)?;
            if copied > 0 {
                let sources = values.chunks_exact(columns);
                for (target, source) in joined.chunks_exact_mut(width).zip(sources) {
                    target[offset..offset + copied].copy_from_slice(&source[..copied]);
                }
            }
            offset += kept;
        }
        Ok(tvec!(tensor(&[rows, width], joined)?))
    }
}

/// Rows and columns; all dimensions after the first are columns, a vector is one row.
fn table(shape: &[usize]) -> TractResult<(usize, usize)> {
    match shape {
        [] => bail!("expected at least one dimension, came none"),
        [columns] => Ok((1, *columns)),
        [rows, inner @ ..] => Ok((*rows, inner.iter().product())),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn inputs_are_cut_and_filled_to_their_width_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_feature_vectorizer.onnx");
        answers::match_onnxruntime("ml_feature_vectorizer_vectors.onnx");
    }

    #[test]
    fn widths_that_do_not_fit_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_feature_vectorizer.onnx", attribute, reason);
        refuses(
            refusals::ints("inputdimensions", &[3]),
            "attribute 'inputdimensions' has 1 values for 2 inputs",
        );
        refuses(
            refusals::ints("inputdimensions", &[3, -2]),
            "attribute 'inputdimensions' holds -2, expected widths",
        );
        refuses(
            refusals::ints("inputdimensions", &[i64::MAX, i64::MAX]),
            "expected 16777216 columns at most",
        );
    }
}
