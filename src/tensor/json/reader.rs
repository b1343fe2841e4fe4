//! A cursor over JSON text: structure, strings, and skipping what the caller does not want.

use std::borrow::Cow;
use std::ops::Range;

/// Deeper nesting than any tensor or envelope needs; a bound on recursion.
pub(super) const MAX_DEPTH: usize = 40;

/// Text that is not the JSON the caller expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {at}")]
pub struct JsonError {
    pub message: String,
    /// Offset into the JSON text.
    pub at: usize,
}

/// What the next value is, judged by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    /// A number, or one of the bare tokens `NaN`, `Infinity`, `-Infinity`.
    Number,
    Bool,
    Null,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A position in JSON text.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// A reader of the same text that starts at a span which [`Self::skip`] returned.
    #[must_use]
    pub fn within(&self, span: &Range<usize>) -> Self {
        Self { text: &self.text[..span.end], at: span.start, depth: self.depth }
    }

    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.text.len() - self.at
    }

    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> JsonError {
        JsonError { message: message.into(), at: self.at }
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is not white space, without reading it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.get(self.at).copied()
    }

    /// The kind of the next value.
    ///
    /// # Errors
    /// [`JsonError`] at the end of the text or at a byte that starts no value.
    pub fn kind(&mut self) -> Result<Kind, JsonError> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(Kind::Number),
            Some(_) | None => Err(self.unexpected("a JSON value")),
        }
    }

    /// An error that says what was expected here and what stands here.
    #[must_use]
    pub fn unexpected(&mut self, expected: &str) -> JsonError {
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some(byte @ b'!'..=b'~') => format!("'{}'", char::from(byte)),
            Some(byte) => format!("byte 0x{byte:02x}"),
        };
        self.error(format!("expected {expected}, came {found}"))
    }

    #[inline]
    pub(super) fn take(&mut self, wanted: u8) -> bool {
        if self.peek() == Some(wanted) {
            self.at += 1;
            true
        } else {
            false
        }
    }

    pub(super) fn literal(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn descend(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("JSON nests deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    /// Reads an object: `member` is called with each key, and reads that key's value.
    ///
    /// # Errors
    /// [`JsonError`] from the text, or whatever `member` returns.
    pub fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.take(b'{') {
            return Err(self.unexpected("an object").into());
        }
        self.descend()?;
        if !self.take(b'}') {
            loop {
                let key = self.string()?;
                if !self.take(b':') {
                    return Err(self.unexpected("':'").into());
                }
                member(self, key)?;
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("',' or '}'").into());
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array: `element` is called before each element, and reads it. Returns the
    /// number of elements.
    ///
    /// # Errors
    /// [`JsonError`] from the text, or whatever `element` returns.
    pub fn array<E: From<JsonError>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<usize, E> {
        if !self.take(b'[') {
            return Err(self.unexpected("an array").into());
        }
        self.descend()?;
        let mut elements = 0;
        if !self.take(b']') {
            loop {
                element(self)?;
                elements += 1;
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("',' or ']'").into());
                }
            }
        }
        self.depth -= 1;
        Ok(elements)
    }

    /// Reads a string; borrowed where it holds no escape.
    ///
    /// # Errors
    /// [`JsonError`] if no well-formed UTF-8 string stands here.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a string"));
        }
        let start = self.at;
        let mut escaped = false;
        let mut at = start + 1;
        loop {
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(0..=0x1f) => {
                    self.at = at;
                    return Err(self.error("control character in a string"));
                }
                Some(_) => at += 1,
                None => {
                    self.at = self.text.len();
                    return Err(self.error("string without end"));
                }
            }
        }
        let literal = &self.text[start..=at];
        self.at = at + 1;
        if escaped {
            // Escapes are rare and intricate (surrogate pairs): serde_json knows them.
            return serde_json::from_slice::<String>(literal)
                .map(Cow::Owned)
                .map_err(|_| JsonError { message: "malformed string".to_owned(), at: start });
        }
        std::str::from_utf8(&literal[1..literal.len() - 1])
            .map(Cow::Borrowed)
            .map_err(|_| JsonError { message: "string is not UTF-8".to_owned(), at: start })
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// [`JsonError`] if neither stands here.
    pub fn boolean(&mut self) -> Result<bool, JsonError> {
        self.skip_space();
        if self.literal("true") {
            Ok(true)
        } else if self.literal("false") {
            Ok(false)
        } else {
            Err(self.unexpected("true or false"))
        }
    }

    /// Reads `null` if it stands here.
    pub fn null(&mut self) -> bool {
        self.skip_space();
        self.literal("null")
    }

    /// Makes sure that nothing but white space follows.
    ///
    /// # Errors
    /// [`JsonError`] if something does.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skipped(text: &str) -> Result<Range<usize>, JsonError> {
        Reader::new(text.as_bytes()).skip()
    }

    #[test]
    fn a_skipped_value_spans_exactly_its_text() {
        assert_eq!(skipped(r#" [1, {"a": "]}"}, []] , 2"#), Ok(1..21));
        assert_eq!(skipped(r#""a\"b" "#), Ok(0..6));
        assert_eq!(skipped("-1.5e3,"), Ok(0..6));
    }

    #[test]
    fn brackets_that_do_not_match_are_an_error() {
        assert!(skipped("[1, 2}").is_err());
        assert!(skipped("[[1]").is_err());
    }

    fn nest(reader: &mut Reader) -> Result<(), JsonError> {
        reader.array(nest).map(drop)
    }

    #[test]
    fn a_depth_bomb_is_refused_by_reading_and_by_skipping() {
        let bomb = "[".repeat(100_000);
        let refused = skipped(&bomb).unwrap_err();
        assert_eq!(refused.message, "JSON nests deeper than 40 levels");
        assert_eq!(nest(&mut Reader::new(bomb.as_bytes())).unwrap_err().message, refused.message);
    }

    proptest! {
        #[test]
        fn any_string_reads_as_serde_json_reads_it(string: String) {
            let text = serde_json::to_vec(&string).unwrap();
            prop_assert_eq!(Reader::new(&text).string().unwrap(), string);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Reader::new(&bytes).skip();
            let _ = Reader::new(&bytes).string();
        }

        #[test]
        fn what_serde_json_accepts_is_skipped_whole(bytes in "[\\[\\]{}:,\" 0-9a-e\\\\tn]{0,24}") {
            if serde_json::from_str::<serde_json::Value>(&bytes).is_ok() {
                let mut reader = Reader::new(bytes.as_bytes());
                reader.skip().unwrap();
                reader.finish().unwrap();
            }
        }
    }
}
