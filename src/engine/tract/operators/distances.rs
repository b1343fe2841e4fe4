//! `CDist` (com.microsoft 1): the distance of every row of one matrix from every row of
//! another, as scikit-learn's nearest neighbours are exported.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let squared = match node.get_attr_opt::<&str>("metric")? {
        None | Some("sqeuclidean") => true,
        Some("euclidean") => false,
        Some(other) => {
            bail!("attribute 'metric' is '{other}', expected euclidean or sqeuclidean")
        }
    };
    bridge::node(node, Distances { squared })
}

#[derive(Debug)]
struct Distances {
    squared: bool,
}

impl Operator for Distances {
    fn name(&self) -> &'static str {
        "CDist"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [a, b] = inputs else { return bridge::arity(inputs.len(), 2) };
        expect_type(a.datum_type, &[DatumType::F32, DatumType::F64])?;
        expect_type(b.datum_type, &[a.datum_type])?;
        let ([rows, _], [others, _]) = (a.dims.as_slice(), b.dims.as_slice()) else {
            bail!("expected two matrices, came {} and {} dimensions", a.dims.len(), b.dims.len())
        };
        Ok(vec![Promise::new(a.datum_type, [rows.clone(), others.clone()])])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let (&[rows, columns], &[others, columns_of_others]) =
            (inputs[0].shape(), inputs[1].shape())
        else {
            bail!("expected two matrices");
        };
        ensure!(columns == columns_of_others, "{columns} and {columns_of_others} columns");
        let (a, b) = (numbers::<f64>(&inputs[0])?, numbers::<f64>(&inputs[1])?);
        let row = |at: usize| at * columns..(at + 1) * columns;
        let mut distances = Vec::with_capacity(rows * others);
        for from in 0..rows {
            for to in 0..others {
                let pairs = a[row(from)].iter().zip(&b[row(to)]);
                let sum: f64 = pairs.map(|(x, y)| (x - y) * (x - y)).sum();
                distances.push(if self.squared { sum } else { sum.sqrt() });
            }
        }
        let distances = tensor(&[rows, others], distances)?;
        Ok(tvec!(distances.cast_to_dt(inputs[0].datum_type())?.into_owned().into_tvalue()))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn distances_are_those_of_onnxruntime() {
        answers::match_onnxruntime("standard_distances.onnx");
    }
}
