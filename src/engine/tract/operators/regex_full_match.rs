//! `RegexFullMatch` (ai.onnx 20): whether a pattern matches a whole text.

use regex::Regex;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::patterns::full_pattern;
use super::values::{expect_type, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let text = node.get_attr_opt::<&str>("pattern")?.unwrap_or_default();
    bridge::node(node, RegexFullMatch { pattern: full_pattern("pattern", text)? })
}

#[derive(Debug)]
struct RegexFullMatch {
    pattern: Regex,
}

impl Operator for RegexFullMatch {
    fn name(&self) -> &'static str {
        "RegexFullMatch"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::String])?;
        Ok(vec![Promise::new(DatumType::Bool, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let matches = strings(&inputs[0])?.iter().map(|text| self.pattern.is_match(text));
        Ok(tvec!(tensor(inputs[0].shape(), matches.collect())?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn a_pattern_matches_the_whole_text_or_not_as_with_onnxruntime() {
        answers::match_onnxruntime("match-mail");
        answers::match_onnxruntime("match-plate");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        refusals::refuses("match-mail", refusals::string("pattern", "(a"), "attribute 'pattern'");
    }
}
