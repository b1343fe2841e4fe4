//! `StringNormalizer` (ai.onnx 10): stop words go, and letters change their case.
//!
//! Case follows Unicode, whatever the attribute `locale` says: Turkish and Lithuanian, the
//! languages with rules of their own, are refused.

use std::collections::HashSet;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let case = match node.get_attr_opt::<&str>("case_change_action")? {
        None | Some("NONE") => Case::AsItIs,
        Some("LOWER") => Case::Lower,
        Some("UPPER") => Case::Upper,
        Some(other) => {
            bail!("attribute 'case_change_action' is '{other}', expected LOWER, UPPER or NONE")
        }
    };
    let locale = node.get_attr_opt::<&str>("locale")?.unwrap_or("en_US");
    let language = locale.split(['_', '-', '.']).next().unwrap_or_default();
    ensure!(
        !matches!(language, "tr" | "az" | "lt"),
        "attribute 'locale' is '{locale}', whose letters change case by rules of their own"
    );
    let by_case = node.get_attr_opt("is_case_sensitive")?.unwrap_or(false);
    let compared = if by_case { Case::AsItIs } else { Case::Lower };
    let stop_words: Vec<String> = node.get_attr_opt_vec("stopwords")?.unwrap_or_default();
    let stop_words = stop_words.iter().map(|word| compared.of(word)).collect();
    bridge::node(node, StringNormalizer { case, compared, stop_words })
}

#[derive(Debug)]
struct StringNormalizer {
    case: Case,
    /// How texts are compared with stop words.
    compared: Case,
    stop_words: HashSet<String>,
}

#[derive(Debug, Clone, Copy)]
enum Case {
    AsItIs,
    Lower,
    Upper,
}

impl Case {
    fn of(self, text: &str) -> String {
        match self {
            Self::AsItIs => text.to_owned(),
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
        }
    }
}

impl Operator for StringNormalizer {
    fn name(&self) -> &'static str {
        "StringNormalizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::String])?;
        let rank = x.dims.len();
        ensure!((1..=2).contains(&rank), "expected one or two dimensions, came {rank}");
        let mut promise = Promise::new(DatumType::String, x.dims.iter().cloned());
        if !self.stop_words.is_empty() {
            promise.dims[rank - 1] = None;
        }
        Ok(vec![promise])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let mut shape = x.shape().to_vec();
        if let [rows, _] = *shape {
            ensure!(rows == 1, "expected one row of texts, came {rows}");
        }
        let is_kept = |text: &&String| {
            self.stop_words.is_empty() || !self.stop_words.contains(&self.compared.of(text))
        };
        let kept = strings(x)?.iter().filter(is_kept);
        let mut texts: Vec<String> = kept.map(|text| self.case.of(text)).collect();
        if !self.stop_words.is_empty() {
            if texts.is_empty() {
                // The specification wants one text where nothing is left.
                texts.push(String::new());
            }
            if let Some(last) = shape.last_mut() {
                *last = texts.len();
            }
        }
        Ok(tvec!(tensor(&shape, texts)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn letters_change_their_case_and_stop_words_go_as_with_onnxruntime() {
        for how in ["lower", "upper", "none", "stop", "stop-cased", "stop-upper"] {
            answers::match_onnxruntime(&format!("normalizer-{how}"));
        }
    }

    #[test]
    fn case_follows_unicode() {
        assert_eq!(Case::Upper.of("straße"), "STRASSE");
        assert_eq!(Case::Lower.of("ÉTÉ ΣΟΦΟΣ"), "été σοφος");
    }

    #[test]
    fn languages_with_rules_of_their_own_are_refused() {
        let refuses = |attribute, reason| refusals::refuses("normalizer-stop", attribute, reason);
        refuses(refusals::string("locale", "tr_TR.UTF-8"), "attribute 'locale' is 'tr_TR.UTF-8'");
        refuses(
            refusals::string("case_change_action", "Upper"),
            "attribute 'case_change_action' is 'Upper', expected LOWER, UPPER or NONE",
        );
    }
}
