//! Scaler (ai.onnx.ml 1): `(x - offset) * scale`, a pair for each column or one for all.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimLike, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{NUMBERS, expect_type, narrow, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let offset: Vec<f32> = node.get_attr_opt_vec("offset")?.unwrap_or_default();
    let scale: Vec<f32> = node.get_attr_opt_vec("scale")?.unwrap_or_default();
    ensure!(!scale.is_empty(), "attribute 'scale' is empty");
    ensure!(
        offset.len() == scale.len(),
        "attribute 'offset' has {} values, 'scale' has {}",
        offset.len(),
        scale.len()
    );
    bridge::node(node, Scaler { columns: offset.into_iter().zip(scale).collect() })
}

#[derive(Debug)]
struct Scaler {
    /// Offset and scale.
    columns: Vec<(f32, f32)>,
}

impl Scaler {
    fn expect_columns(&self, found: usize) -> TractResult<()> {
        ensure!(
            self.columns.len() == 1 || self.columns.len() == found,
            "attribute 'scale' has {} values for {found} columns",
            self.columns.len()
        );
        Ok(())
    }
}

impl Operator for Scaler {
    fn name(&self) -> &'static str {
        "Scaler"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        if let Some(columns) = x.dims.last().map_or(Some(1), |dim| dim.to_usize().ok()) {
            self.expect_columns(columns)?;
        }
        Ok(vec![Promise::new(DatumType::F32, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        self.expect_columns(x.shape().last().copied().unwrap_or(1))?;
        let columns = self.columns.iter().cycle();
        let scaled = if x.datum_type() == DatumType::F64 {
            let scaled = |(x, (offset, scale)): (&f64, &(f32, f32))| {
                narrow((x - f64::from(*offset)) * f64::from(*scale))
            };
            numbers::<f64>(x)?.iter().zip(columns).map(scaled).collect()
        } else {
            let scaled = |(x, (offset, scale)): (&f32, &(f32, f32))| (x - offset) * scale;
            numbers::<f32>(x)?.iter().zip(columns).map(scaled).collect()
        };
        Ok(tvec!(tensor(x.shape(), scaled)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn columns_are_scaled_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_scaler.onnx");
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        let refuses = |attribute, reason| refusals::refuses("ml_scaler.onnx", attribute, reason);
        refuses(
            refusals::floats("offset", &[1.0]),
            "attribute 'offset' has 1 values, 'scale' has 3",
        );
        refuses(refusals::floats("scale", &[]), "attribute 'scale' is empty");
    }

    #[test]
    fn a_list_that_does_not_fit_the_input_is_refused_at_load() {
        let two = [refusals::floats("offset", &[0.0; 2]), refusals::floats("scale", &[1.0; 2])];
        refusals::refuses_all(
            "ml_scaler.onnx",
            &two,
            "attribute 'scale' has 2 values for 3 columns",
        );
    }
}
