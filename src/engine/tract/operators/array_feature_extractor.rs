//! `ArrayFeatureExtractor` (ai.onnx.ml 1): picks columns by number.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ToDim, bail, ensure, format_err};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, slice, tensor};

const TYPES: [DatumType; 5] =
    [DatumType::F32, DatumType::F64, DatumType::I64, DatumType::I32, DatumType::String];

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    bridge::node(node, ArrayFeatureExtractor)
}

#[derive(Debug)]
struct ArrayFeatureExtractor;

impl Operator for ArrayFeatureExtractor {
    fn name(&self) -> &'static str {
        "ArrayFeatureExtractor"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x, picks] = inputs else { return bridge::arity(inputs.len(), 2) };
        expect_type(x.datum_type, &TYPES)?;
        expect_type(picks.datum_type, &[DatumType::I64])?;
        let count = picks.dims.iter().fold(1.to_dim(), |count, dim| count * dim);
        let dims = with_last(&x.dims, count)?;
        Ok(vec![Promise::new(x.datum_type, dims)])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let [x, picks] = inputs else { return bridge::arity(inputs.len(), 2) };
        let picks = slice::<i64>(picks)?;
        let picked = match x.datum_type() {
            DatumType::F32 => pick::<f32>(x, picks),
            DatumType::F64 => pick::<f64>(x, picks),
            DatumType::I64 => pick::<i64>(x, picks),
            DatumType::I32 => pick::<i32>(x, picks),
            _ => pick::<String>(x, picks),
        };
        Ok(tvec!(picked?))
    }
}

/// The dimensions with another last one; a vector becomes one row, as in onnxruntime.
fn with_last<D: Clone + From<usize>>(dims: &[D], last: D) -> TractResult<Vec<D>> {
    Ok(match dims {
        [] => bail!("expected at least one dimension, came none"),
        [_] => vec![D::from(1), last],
        [before @ .., _] => before.iter().cloned().chain([last]).collect(),
    })
}

fn pick<T: Datum + Clone>(x: &TValue, picks: &[i64]) -> TractResult<TValue>
where
    ArrayD<T>: IntoTensor,
{
    ensure!(!picks.is_empty(), "expected columns to pick, came none");
    let shape = with_last(x.shape(), picks.len())?;
    let columns = x.shape().last().copied().unwrap_or(0);
    let place = |&pick: &i64| {
        let place = usize::try_from(pick).ok().filter(|&place| place < columns);
        place.ok_or_else(|| format_err!("column {pick} is asked for, of {columns} there are"))
    };
    let places: Vec<usize> = picks.iter().map(place).collect::<TractResult<_>>()?;
    let rows = slice::<T>(x)?.chunks_exact(columns);
    tensor(&shape, rows.flat_map(|row| places.iter().map(|&at| row[at].clone())).collect())
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;
    use crate::tensor::{Data, Shape, Tensor};

    #[test]
    fn columns_of_every_type_are_picked_as_onnxruntime_does() {
        answers::match_onnxruntime("ml_array_feature_extractor.onnx");
    }

    #[test]
    fn a_column_that_is_not_there_is_refused_by_number() {
        for (place, reason) in [(-1, "column -1 is"), (3, "column 3 is")] {
            let shape = Shape::new(vec![1]).unwrap();
            let places = Tensor::new(shape, Data::Int64(vec![place])).unwrap();
            let refusal = answers::answer_with("ml_array_feature_extractor.onnx", "places", places);
            let refusal = refusal.unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
