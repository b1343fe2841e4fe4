//! `ZipMap` and `DictVectorizer` (ai.onnx.ml 1), whose maps have become matrices: they pass
//! on what comes. What the columns stand for is in the model's metadata.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ensure;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::labels::Labels;
use super::values::{matrix, matrix_dims};

pub(super) fn zip_map(_: &ParsingContext, node: &NodeProto) -> Built {
    let labels = Labels::of(node, "classlabels_int64s", "classlabels_strings")?;
    bridge::node(node, PassOn { name: "ZipMap", columns: labels.len() })
}

pub(super) fn dict_vectorizer(_: &ParsingContext, node: &NodeProto) -> Built {
    let vocabulary = Labels::of(node, "int64_vocabulary", "string_vocabulary")?;
    bridge::node(node, PassOn { name: "DictVectorizer", columns: vocabulary.len() })
}

#[derive(Debug)]
struct PassOn {
    name: &'static str,
    columns: usize,
}

impl Operator for PassOn {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        let (rows, _) = matrix_dims(&x.dims)?;
        Ok(vec![Promise::new(x.datum_type, [rows, self.columns.into()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let (rows, columns) = matrix(inputs[0].shape())?;
        ensure!(columns == self.columns, "{columns} columns for {} names", self.columns);
        let mut passed = inputs[0].clone();
        if inputs[0].rank() == 1 {
            passed = passed.into_tensor().into_shape(&[rows, columns])?.into_tvalue();
        }
        Ok(tvec!(passed))
    }
}
