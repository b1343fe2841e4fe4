//! Compress (ai.onnx 9 to 11): the slices along an axis for which a condition holds. tract's
//! wants the condition to be a constant.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{slice, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    bridge::node(node, Compress { axis: node.get_attr_opt("axis")? })
}

#[derive(Debug)]
struct Compress {
    /// Without one the elements are taken in row-major order.
    axis: Option<i64>,
}

impl Compress {
    fn axis(&self, rank: usize) -> TractResult<Option<usize>> {
        let Some(axis) = self.axis else { return Ok(None) };
        let signed = i64::try_from(rank)?;
        let place = if axis < 0 { axis + signed } else { axis };
        match usize::try_from(place) {
            Ok(place) if place < rank => Ok(Some(place)),
            _ => bail!("attribute 'axis' is {axis}, the input has {rank} dimensions"),
        }
    }
}

impl Operator for Compress {
    fn name(&self) -> &'static str {
        "Compress"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x, condition] = inputs else { return bridge::arity(inputs.len(), 2) };
        ensure!(condition.dims.len() == 1, "the condition has {} dimensions", condition.dims.len());
        let axis = self.axis(x.dims.len())?;
        let mut dims: Vec<Option<_>> = x.dims.iter().cloned().map(Some).collect();
        match axis {
            Some(axis) => dims[axis] = None,
            None => dims = vec![None],
        }
        Ok(vec![Promise { datum_type: x.datum_type, dims }])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let axis = self.axis(inputs[0].rank())?;
        let x = match axis {
            Some(_) => inputs[0].clone().into_tensor(),
            None => inputs[0].clone().into_tensor().into_shape(&[inputs[0].len()])?,
        };
        let axis = axis.unwrap_or(0);
        let condition = slice::<bool>(&inputs[1])?;
        let size = x.shape()[axis];
        ensure!(
            condition.len() <= size,
            "the condition has {} values for a dimension of {size}",
            condition.len()
        );
        let kept = (0..condition.len()).filter(|&at| condition[at]);
        let kept: Vec<Tensor> =
            kept.map(|at| x.slice(axis, at, at + 1)).collect::<TractResult<_>>()?;
        if kept.is_empty() {
            let mut shape = x.shape().to_vec();
            shape[axis] = 0;
            return Ok(tvec!(empty(x.datum_type(), &shape)?));
        }
        Ok(tvec!(Tensor::stack_tensors(axis, &kept)?.into_tvalue()))
    }
}

/// A tensor without elements.
fn empty(datum_type: DatumType, shape: &[usize]) -> TractResult<TValue> {
    if datum_type == DatumType::String {
        return tensor::<String>(shape, Vec::new());
    }
    Ok(Tensor::zero_dt(datum_type, shape)?.into_tvalue())
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_condition_from_the_request_chooses_slices_or_elements() {
        answers::match_onnxruntime("standard_compress.onnx");
    }
}
