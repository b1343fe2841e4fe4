//! `StringConcat` (ai.onnx 20): texts one behind the other, element by element.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::tract_ndarray::{ArrayViewD, IxDyn, Zip};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::internal::format_err;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::expect_type;

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    bridge::node(node, StringConcat)
}

#[derive(Debug)]
struct StringConcat;

impl Operator for StringConcat {
    fn name(&self) -> &'static str {
        "StringConcat"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [left, right] = inputs else { return bridge::arity(inputs.len(), 2) };
        expect_type(left.datum_type, &[DatumType::String])?;
        expect_type(right.datum_type, &[DatumType::String])?;
        let dims = multi_broadcast(&[&left.dims, &right.dims])?;
        Ok(vec![Promise::new(DatumType::String, dims)])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let (left, right) = (texts(&inputs[0])?, texts(&inputs[1])?);
        let shape = multi_broadcast(&[left.shape(), right.shape()])?;
        let shape = IxDyn(&shape);
        let refused = || format_err!("shapes {:?} and {:?}", left.shape(), right.shape());
        let left_wide = left.broadcast(shape.clone()).ok_or_else(refused)?;
        let right_wide = right.broadcast(shape).ok_or_else(refused)?;
        let joined = Zip::from(left_wide).and(right_wide).map_collect(|a, b| format!("{a}{b}"));
        Ok(tvec!(joined.into_tensor().into_tvalue()))
    }
}

fn texts(value: &TValue) -> TractResult<ArrayViewD<'_, String>> {
    value.to_plain_array_view::<String>()
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn texts_are_joined_and_broadcast_as_with_onnxruntime() {
        answers::match_onnxruntime("concat");
        answers::match_onnxruntime("concat-broadcast");
    }
}
