//! Binarizer (ai.onnx.ml 1): 1 where a value is above the threshold, otherwise 0.
//!
//! onnxruntime has it for float32 only.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{NUMBERS, expect_type, numbers, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let threshold: f32 = node.get_attr_opt("threshold")?.unwrap_or(0.0);
    bridge::node(node, Binarizer { threshold: threshold.into() })
}

#[derive(Debug)]
struct Binarizer {
    threshold: f64,
}

impl Operator for Binarizer {
    fn name(&self) -> &'static str {
        "Binarizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        Ok(vec![Promise::new(x.datum_type, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let binary = match x.datum_type() {
            DatumType::F32 => self.binary::<f32>(x),
            DatumType::F64 => self.binary::<f64>(x),
            DatumType::I64 => self.binary::<i64>(x),
            _ => self.binary::<i32>(x),
        };
        Ok(tvec!(binary?))
    }
}

impl Binarizer {
    fn binary<T: Datum + From<bool>>(&self, x: &TValue) -> TractResult<TValue>
    where
        ArrayD<T>: IntoTensor,
    {
        let wide = numbers::<f64>(x)?;
        if let Some(place) = wide.iter().position(|value| value.is_nan()) {
            bail!("value {place} is not a number, which is neither above the threshold nor below");
        }
        tensor(x.shape(), wide.iter().map(|&value| T::from(value > self.threshold)).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;
    use crate::tensor::{Data, Shape, Tensor};

    #[test]
    fn values_above_the_threshold_become_one_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_binarizer.onnx");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_binarizer.onnx");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        let shape = Shape::new(vec![1, 3]).unwrap();
        let x = Tensor::new(shape, Data::Fp32(vec![0.0, f32::NAN, 1.0])).unwrap();
        let refusal = answers::answer_with("ml_binarizer.onnx", "x", x).unwrap_err().to_string();
        assert!(refusal.contains("value 1 is not a number"), "{refusal}");
    }
}
