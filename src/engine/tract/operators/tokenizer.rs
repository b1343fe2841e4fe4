//! `Tokenizer` (com.microsoft 1): texts into tokens, by separators or by what a token looks
//! like; rows with fewer tokens than the longest are filled up.

use regex::Regex;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::patterns::pattern;
use super::values::{expect_type, strings, tensor};

/// What stands at the start and the end of a row that is marked.
const START: &str = "\u{2}";
const END: &str = "\u{3}";

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let shortest = node.get_attr_opt::<i64>("mincharnum")?.unwrap_or(1);
    let Ok(shortest) = usize::try_from(shortest) else {
        bail!("attribute 'mincharnum' is {shortest}, expected at least 0")
    };
    let separators: Option<Vec<String>> = node.get_attr_opt_vec("separators")?;
    let expression = node.get_attr_opt::<&str>("tokenexp")?.filter(|text| !text.is_empty());
    let rule = match (separators, expression) {
        (Some(separators), _) if separators == [""] => {
            ensure!(shortest < 2, "attribute 'mincharnum' is {shortest} for single characters");
            Rule::Characters
        }
        (Some(separators), None) if !separators.is_empty() => Rule::Separators(
            separators
                .iter()
                .map(|text| pattern("separators", text))
                .collect::<TractResult<_>>()?,
        ),
        (separators, Some(text)) if separators.as_ref().is_none_or(Vec::is_empty) => {
            Rule::Tokens(pattern("tokenexp", text)?)
        }
        (None | Some(_), None) => bail!("attributes 'separators' and 'tokenexp' are both missing"),
        (Some(_) | None, Some(_)) => {
            bail!("attributes 'separators' and 'tokenexp' are both there, expected one")
        }
    };
    let fill = node.get_attr_opt::<String>("pad_value")?.unwrap_or_default();
    let mark = node.get_attr_opt::<i64>("mark")?.unwrap_or(0) != 0;
    bridge::node(node, Tokenizer { rule, shortest, fill, mark })
}

#[derive(Debug)]
struct Tokenizer {
    rule: Rule,
    /// Characters of the shortest token.
    shortest: usize,
    fill: String,
    /// Rows begin and end with a token of their own.
    mark: bool,
}

#[derive(Debug)]
enum Rule {
    /// Every character is a token.
    Characters,
    /// What is between these, one after the other.
    Separators(Vec<Regex>),
    /// What looks like this.
    Tokens(Regex),
}

impl Tokenizer {
    fn tokens<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut tokens: Vec<&str> = match &self.rule {
            Rule::Characters => {
                let ends = text.char_indices().map(|(at, letter)| at..at + letter.len_utf8());
                return ends.map(|place| &text[place]).collect();
            }
            Rule::Separators(separators) => {
                separators.iter().fold(vec![text], |parts, separator| {
                    parts.into_iter().flat_map(|part| separator.split(part)).collect()
                })
            }
            Rule::Tokens(expression) => {
                expression.find_iter(text).map(|token| token.as_str()).collect()
            }
        };
        tokens.retain(|token| !token.is_empty() && token.chars().count() >= self.shortest);
        tokens
    }
}

impl Operator for Tokenizer {
    fn name(&self) -> &'static str {
        "Tokenizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::String])?;
        let rank = x.dims.len();
        ensure!((1..=2).contains(&rank), "expected one or two dimensions, came {rank}");
        let mut promise = Promise::new(DatumType::String, x.dims.iter().cloned());
        promise.dims.push(None);
        Ok(vec![promise])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let rows: Vec<Vec<&str>> = strings(x)?.iter().map(|text| self.tokens(text)).collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let marks = if self.mark && longest > 0 { 2 } else { 0 };
        let mut shape = x.shape().to_vec();
        shape.push(longest + marks);
        let mut tokens = Vec::with_capacity(shape.iter().product());
        for row in rows {
            let filling = longest - row.len();
            tokens.extend((marks > 0).then(|| START.to_owned()));
            tokens.extend(row.into_iter().map(str::to_owned));
            tokens.extend((marks > 0).then(|| END.to_owned()));
            tokens.extend(std::iter::repeat_n(self.fill.clone(), filling));
        }
        Ok(tvec!(tensor(&shape, tokens)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn texts_are_cut_at_separators_into_characters_or_by_expression_as_with_onnxruntime() {
        for how in ["spaces", "separators", "least", "characters", "expression"] {
            answers::match_onnxruntime(&format!("tokenizer-{how}"));
        }
    }

    #[test]
    fn a_marked_row_ends_before_it_is_filled_up() {
        answers::match_onnxruntime("tokenizer-marked");
        answers::match_onnxruntime("tokenizer-expression-marked");
    }

    #[test]
    fn rules_that_contradict_each_other_are_refused() {
        let refuses = |attribute, reason| refusals::refuses("tokenizer-spaces", attribute, reason);
        refuses(refusals::int("mincharnum", -1), "'mincharnum' is -1, expected at least 0");
        refuses(refusals::string("tokenexp", "a+"), "'separators' and 'tokenexp' are both there");
        refuses(
            refusals::strings("separators", &[]),
            "'separators' and 'tokenexp' are both missing",
        );
        refuses(refusals::strings("separators", &["("]), "attribute 'separators'");
    }
}
