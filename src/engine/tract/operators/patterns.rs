//! Regular expressions as RE2 reads them, onnxruntime's library.
//!
//! The crate regex, which likewise takes time in proportion to the text, differs in two
//! things: `\w`, `\d`, `\s` and `\b` are about all of Unicode there and about ASCII in RE2,
//! and brackets within brackets are a class of their own.

use regex::{Regex, RegexBuilder};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{ensure, format_err};

/// Memory that a pattern may take.
const PATTERN_BYTES: usize = 1 << 22;

/// The pattern of an attribute.
///
/// # Errors
/// If it is none.
pub(super) fn pattern(attribute: &str, text: &str) -> TractResult<Regex> {
    ensure!(!text.is_empty(), "attribute '{attribute}' holds an empty text");
    compile(attribute, text, &in_ascii(text))
}

/// The same, matching whole texts only.
pub(super) fn full_pattern(attribute: &str, text: &str) -> TractResult<Regex> {
    if !text.is_empty() {
        // It must be a pattern by itself, or it would change what is put around it.
        pattern(attribute, text)?;
    }
    compile(attribute, text, &format!(r"\A(?:{})\z", in_ascii(text)))
}

fn compile(attribute: &str, written: &str, pattern: &str) -> TractResult<Regex> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build();
    built.map_err(|error| format_err!("attribute '{attribute}' holds '{written}': {error}"))
}

/// The pattern in the words of the crate regex.
fn in_ascii(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    // Letters of the class that is open, if one is.
    let mut class: Option<usize> = None;
    let mut last = ' ';
    while let Some(letter) = letters.next() {
        let previous = std::mem::replace(&mut last, letter);
        let first_of_class = class == Some(0);
        if let Some(letters) = &mut class {
            *letters += usize::from(letter != '^' || previous != '[' || *letters > 0);
        }
        match letter {
            '\\' => escape(letters.next(), class.is_some(), &mut said),
            '[' if class.is_none() => {
                class = Some(0);
                said.push('[');
            }
            '[' if letters.peek() == Some(&':') => {
                said.push('[');
                said.extend(letters.by_ref().take_while(|&letter| letter != ']'));
                said.push(']');
            }
            ']' if class.is_some() && !first_of_class => {
                class = None;
                said.push(']');
            }
            // These have a meaning within the crate's classes, alone or twice.
            '[' | ']' | '&' | '~' if class.is_some() => {
                said.push('\\');
                said.push(letter);
            }
            letter => said.push(letter),
        }
    }
    said
}

fn escape(letter: Option<char>, in_class: bool, said: &mut String) {
    match letter {
        Some('w') => said.push_str("[0-9A-Za-z_]"),
        Some('W') => said.push_str("[^0-9A-Za-z_]"),
        Some('d') => said.push_str("[0-9]"),
        Some('D') => said.push_str("[^0-9]"),
        Some('s') => said.push_str(r"[\t\n\f\r ]"),
        Some('S') => said.push_str(r"[^\t\n\f\r ]"),
        Some('b') if !in_class => said.push_str(r"(?-u:\b)"),
        other => {
            said.push('\\');
            said.extend(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expression: &str, text: &str) -> Vec<String> {
        let pattern = pattern("tokenexp", expression).unwrap();
        pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect()
    }

    #[test]
    fn words_digits_and_borders_are_those_of_ascii() {
        assert_eq!(found(r"\b\w+\b", "été 12 naïve"), ["t", "12", "na", "ve"]);
        assert_eq!(found(r"[\w-]+", "a-b é"), ["a-b"]);
        assert_eq!(found(r"\d+|[^\d\s]+", "x1 ٣"), ["x", "1", "٣"]);
    }

    #[test]
    fn brackets_within_a_class_are_letters_unless_they_name_a_class() {
        assert_eq!(found(r"[[a&&b]+", "[a&b]"), ["[a&b"]);
        assert_eq!(found(r"[]x]+", "x]y"), ["x]"]);
        assert_eq!(found(r"[^]x]+", "x]y"), ["y"]);
        assert_eq!(found(r"[^^]+", "a^]"), ["a", "]"]);
        assert_eq!(found(r"[[:alpha:]_]+", "a_1"), ["a_"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_text() {
        let refusal = pattern("separators", "(").unwrap_err().to_string();
        assert!(refusal.starts_with("attribute 'separators' holds '(': "), "{refusal}");
        // Whole by chance only with what is put around it.
        assert!(full_pattern("pattern", "a)|(b").is_err());
        assert!(full_pattern("pattern", "a|b").unwrap().is_match("b"));
        assert!(!full_pattern("pattern", "a|b").unwrap().is_match("bb"));
        assert!(full_pattern("pattern", "").unwrap().is_match(""));
    }
}
