//! `CategoryMapper` (ai.onnx.ml 1): strings to integers or back, by one list of pairs.
//!
//! The type of the input says which way. Of pairs with the same key the last one counts.

use std::collections::HashMap;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ensure;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, slice, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let ints: Vec<i64> = node.get_attr_opt_vec("cats_int64s")?.unwrap_or_default();
    let names: Vec<String> = node.get_attr_opt_vec("cats_strings")?.unwrap_or_default();
    ensure!(
        ints.len() == names.len(),
        "attribute 'cats_int64s' has {} values, 'cats_strings' has {}",
        ints.len(),
        names.len()
    );
    ensure!(!ints.is_empty(), "attributes 'cats_int64s' and 'cats_strings' are empty");
    pairs(node, "CategoryMapper", ints, names)
}

/// A node that maps the strings to the integers and the integers to the strings.
pub(super) fn pairs(
    node: &NodeProto,
    name: &'static str,
    ints: Vec<i64>,
    names: Vec<String>,
) -> Built {
    let mapper = CategoryMapper {
        name,
        ints: names.iter().cloned().zip(ints.iter().copied()).collect(),
        default_int: node.get_attr_opt("default_int64")?.unwrap_or(-1),
        strings: ints.into_iter().zip(names).collect(),
        default_string: node
            .get_attr_opt("default_string")?
            .unwrap_or_else(|| "_Unused".to_owned()),
    };
    bridge::node(node, mapper)
}

#[derive(Debug)]
struct CategoryMapper {
    name: &'static str,
    ints: HashMap<String, i64>,
    default_int: i64,
    strings: HashMap<i64, String>,
    default_string: String,
}

impl Operator for CategoryMapper {
    fn name(&self) -> &'static str {
        self.name
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::String, DatumType::I64])?;
        let mapped =
            if x.datum_type == DatumType::I64 { DatumType::String } else { DatumType::I64 };
        Ok(vec![Promise::new(mapped, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let mapped = if x.datum_type() == DatumType::I64 {
            let name = |key| self.strings.get(key).unwrap_or(&self.default_string).clone();
            tensor(x.shape(), slice::<i64>(x)?.iter().map(name).collect())
        } else {
            let number = |key| self.ints.get(key).copied().unwrap_or(self.default_int);
            tensor(x.shape(), strings(x)?.iter().map(number).collect())
        };
        Ok(tvec!(mapped?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn categories_map_both_ways_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_category_mapper.onnx");
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_category_mapper.onnx", attribute, reason);
        refuses(
            refusals::ints("cats_int64s", &[1]),
            "attribute 'cats_int64s' has 1 values, 'cats_strings' has 4",
        );
        refuses(
            refusals::strings("cats_strings", &[]),
            "attribute 'cats_int64s' has 4 values, 'cats_strings' has 0",
        );
    }
}
