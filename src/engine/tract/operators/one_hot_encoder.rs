//! `OneHotEncoder` (ai.onnx.ml 1): a category becomes a row of zeros with a one at its place.
//!
//! Numbers are cut to integers first. Of equal categories the last one counts.

use std::collections::HashMap;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ToDim, bail};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{NUMBERS, expect_type, numbers, slice, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let ints: Vec<i64> = node.get_attr_opt_vec("cats_int64s")?.unwrap_or_default();
    let names: Vec<String> = node.get_attr_opt_vec("cats_strings")?.unwrap_or_default();
    let count = ints.len() + names.len();
    let categories = match (ints.is_empty(), names.is_empty()) {
        (false, true) => Categories::Ints(places(ints)),
        (true, false) => Categories::Strings(places(names)),
        (true, true) => bail!("attributes 'cats_int64s' and 'cats_strings' are empty"),
        (false, false) => bail!(
            "attributes 'cats_int64s' and 'cats_strings' have values, expected only one of them"
        ),
    };
    let refuse_unknown = node.get_attr_opt::<i64>("zeros")? == Some(0);
    bridge::node(node, OneHotEncoder { categories, count, refuse_unknown })
}

fn places<T: Eq + std::hash::Hash>(categories: Vec<T>) -> HashMap<T, usize> {
    categories.into_iter().enumerate().map(|(place, category)| (category, place)).collect()
}

#[derive(Debug)]
struct OneHotEncoder {
    categories: Categories,
    count: usize,
    /// Otherwise an unknown category is a row of zeros.
    refuse_unknown: bool,
}

/// Places of the categories.
#[derive(Debug)]
enum Categories {
    Ints(HashMap<i64, usize>),
    Strings(HashMap<String, usize>),
}

impl Operator for OneHotEncoder {
    fn name(&self) -> &'static str {
        "OneHotEncoder"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        match self.categories {
            Categories::Ints(_) => expect_type(x.datum_type, &NUMBERS)?,
            Categories::Strings(_) => expect_type(x.datum_type, &[DatumType::String])?,
        }
        let dims = x.dims.iter().cloned().chain([self.count.to_dim()]);
        Ok(vec![Promise::new(DatumType::F32, dims)])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let mut encoded = vec![0f32; x.len() * self.count];
        let mut rows = encoded.chunks_exact_mut(self.count);
        let mut mark = |place: Option<&usize>, category: &dyn std::fmt::Debug| {
            match (rows.next(), place) {
                (Some(row), Some(&place)) => row[place] = 1.0,
                (_, None) if self.refuse_unknown => bail!(
                    "{category:?} is not among the {} categories, and attribute 'zeros' is 0",
                    self.count
                ),
                _ => {}
            }
            Ok(())
        };
        match &self.categories {
            Categories::Strings(places) => {
                strings(x)?.iter().try_for_each(|x| mark(places.get(x), x))?;
            }
            Categories::Ints(places) => match x.datum_type() {
                DatumType::F32 | DatumType::F64 => {
                    let wide = numbers::<f64>(x)?;
                    wide.iter().try_for_each(|x| mark(places.get(&whole(*x)), x))?;
                }
                DatumType::I64 => {
                    slice::<i64>(x)?.iter().try_for_each(|x| mark(places.get(x), x))?;
                }
                _ => numbers::<i64>(x)?.iter().try_for_each(|x| mark(places.get(x), x))?,
            },
        }
        let shape: Vec<usize> = x.shape().iter().copied().chain([self.count]).collect();
        Ok(tvec!(tensor(&shape, encoded)?))
    }
}

/// Towards zero. What has no integer becomes the smallest one, as with onnxruntime on x86:
/// it must not become category 0.
fn whole(x: f64) -> i64 {
    // Above this is no integer, and the cast gives the smallest one below its negative.
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "cutting is the purpose")]
    if x < END { x as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};
    use crate::tensor::{Data, Shape, Tensor};

    #[test]
    fn categories_become_rows_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_one_hot_encoder.onnx");
    }

    #[test]
    fn an_unknown_category_is_refused_by_name_if_zeros_is_off() {
        let shape = Shape::new(vec![1]).unwrap();
        let unknown = Tensor::new(shape, Data::Bytes(vec!["zebra".into()])).unwrap();
        let refusal = answers::answer_with("ml_one_hot_encoder.onnx", "known", unknown);
        let refusal = refusal.unwrap_err().to_string();
        assert!(refusal.contains("\"zebra\" is not among the 2 categories"), "{refusal}");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_one_hot_encoder.onnx");
    }

    #[test]
    fn categories_of_no_kind_or_two_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_one_hot_encoder.onnx", attribute, reason);
        refuses(
            refusals::strings("cats_strings", &[]),
            "attributes 'cats_int64s' and 'cats_strings' are empty",
        );
        refuses(refusals::ints("cats_int64s", &[1]), "expected only one of them");
    }
}
