//! `StringSplit` (ai.onnx 20): texts into parts, and how many each has.
//!
//! As in onnxruntime a text without letters has no parts, and spaces at the end go even
//! where no more splits are allowed. Unlike there, all white space splits, as the
//! specification says, and not just the space.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{expect_type, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let delimiter = node.get_attr_opt::<String>("delimiter")?.filter(|text| !text.is_empty());
    let splits = node.get_attr_opt::<i64>("maxsplit")?;
    // A negative number is no limit.
    let splits = splits.and_then(|splits| usize::try_from(splits).ok());
    bridge::node(node, StringSplit { delimiter, splits })
}

#[derive(Debug)]
struct StringSplit {
    /// White space if there is none.
    delimiter: Option<String>,
    /// At most so many.
    splits: Option<usize>,
}

impl StringSplit {
    fn parts<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let parts = self.splits.map_or(usize::MAX, |splits| splits.saturating_add(1));
        match &self.delimiter {
            Some(_) if text.is_empty() => Vec::new(),
            Some(delimiter) => text.splitn(parts, delimiter.as_str()).collect(),
            None => words(text, parts),
        }
    }
}

/// Parts between white space, at most so many; the last has the rest.
fn words(text: &str, parts: usize) -> Vec<&str> {
    let mut rest = text.trim();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).filter(|_| words.len() + 1 < parts);
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

impl Operator for StringSplit {
    fn name(&self) -> &'static str {
        "StringSplit"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[DatumType::String])?;
        let mut parts = Promise::new(DatumType::String, x.dims.iter().cloned());
        parts.dims.push(None);
        Ok(vec![parts, Promise::new(DatumType::I64, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let rows: Vec<Vec<&str>> = strings(x)?.iter().map(|text| self.parts(text)).collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let counts: Vec<i64> =
            rows.iter().map(|row| i64::try_from(row.len())).collect::<Result<_, _>>()?;
        let mut shape = x.shape().to_vec();
        shape.push(longest);
        let mut parts = Vec::with_capacity(rows.len() * longest);
        for row in rows {
            let filling = longest - row.len();
            parts.extend(row.into_iter().map(str::to_owned));
            parts.extend(std::iter::repeat_n(String::new(), filling));
        }
        Ok(tvec!(tensor(&shape, parts)?, tensor(x.shape(), counts)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tract::answers;

    #[test]
    fn parts_and_their_number_are_those_of_onnxruntime() {
        for how in ["spaces", "delimiter", "most"] {
            answers::match_onnxruntime(&format!("split-{how}"));
        }
    }

    #[test]
    fn all_white_space_splits_where_there_is_no_delimiter() {
        assert_eq!(words(" a\tb \u{2003} c\n", usize::MAX), ["a", "b", "c"]);
        assert_eq!(words(" a  b c ", 2), ["a", "b c"]);
        assert_eq!(words(" \t", 2), [""; 0]);
    }
}
