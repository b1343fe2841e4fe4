//! `IsNaN` (ai.onnx 9 to 20) and `IsInf` (10 to 20), for every type of float: tract's stop at
//! doubles.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, numbers, tensor};

pub(super) fn is_nan(_: &ParsingContext, node: &NodeProto) -> Built {
    bridge::node(node, Test { name: "IsNaN", holds: f64::is_nan })
}

pub(super) fn is_inf(_: &ParsingContext, node: &NodeProto) -> Built {
    let negative = node.get_attr_opt("detect_negative")?.unwrap_or(true);
    let positive = node.get_attr_opt("detect_positive")?.unwrap_or(true);
    let holds: fn(f64) -> bool = match (negative, positive) {
        (true, true) => f64::is_infinite,
        (true, false) => |x| x == f64::NEG_INFINITY,
        (false, true) => |x| x == f64::INFINITY,
        (false, false) => |_| false,
    };
    bridge::node(node, Test { name: "IsInf", holds })
}

#[derive(Debug)]
struct Test {
    name: &'static str,
    holds: fn(f64) -> bool,
}

impl Operator for Test {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::F16, DatumType::F32, DatumType::F64])?;
        Ok(vec![Promise::new(DatumType::Bool, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let values = numbers::<f64>(&inputs[0])?;
        let tests = values.iter().map(|&x| (self.holds)(x)).collect();
        Ok(tvec!(tensor(inputs[0].shape(), tests)?))
    }
}
