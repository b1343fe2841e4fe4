//! The text form of protocol buffers (protobuf.dev, "Text Format Language Specification"), as far
//! as configurations use it, as JSON: a name that comes more than once becomes a list. Types are
//! not known here, so names that no protocol has are read as well.

use serde_json::{Map, Value};

/// Messages within messages.
const MAX_DEPTH: usize = 40;

/// # Errors
/// The line, and what is wrong there.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, String> {
    let mut reader = Reader { text, at: 0 };
    reader.message(None, 0)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn wrong<T>(&self, expected: &str) -> Result<T, String> {
        let line = self.text[..self.at].lines().count().max(1);
        let came: String = self.rest().chars().take(20).take_while(|c| *c != '\n').collect();
        let came = if came.is_empty() { "the end".to_owned() } else { format!("'{came}'") };
        Err(format!("line {line}: expected {expected}, came {came}"))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Passes blanks and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// Passes this character, if it comes next.
    fn take(&mut self, char: char) -> bool {
        self.skip();
        let is_next = self.rest().starts_with(char);
        if is_next {
            self.at += char.len_utf8();
        }
        is_next
    }

    fn word(&mut self) -> &'t str {
        self.skip();
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Fields up to `end`, or up to the end of the text.
    fn message(&mut self, end: Option<char>, depth: usize) -> Result<Map<String, Value>, String> {
        if depth > MAX_DEPTH {
            return self.wrong("fewer messages within each other");
        }
        let mut fields = Map::new();
        loop {
            self.skip();
            match end {
                Some(end) if self.take(end) => return Ok(fields),
                None if self.rest().is_empty() => return Ok(fields),
                _ => {}
            }
            let name = self.word();
            if name.is_empty() {
                return self.wrong("the name of a field");
            }
            let has_colon = self.take(':');
            let value = self.value(has_colon, depth)?;
            add(&mut fields, name, value);
            let _ = self.take(',') || self.take(';');
        }
    }

    fn value(&mut self, has_colon: bool, depth: usize) -> Result<Value, String> {
        for (begin, end) in [('{', '}'), ('<', '>')] {
            if self.take(begin) {
                return self.message(Some(end), depth + 1).map(Value::Object);
            }
        }
        if self.take('[') {
            let mut values = Vec::new();
            while !self.take(']') {
                if depth > MAX_DEPTH {
                    return self.wrong("fewer lists within each other");
                }
                values.push(self.value(true, depth + 1)?);
                if !self.take(',') {
                    if self.take(']') {
                        break;
                    }
                    return self.wrong("',' or ']'");
                }
            }
            return Ok(Value::Array(values));
        }
        if !has_colon {
            return self.wrong("':' or '{'");
        }
        self.scalar()
    }

    fn scalar(&mut self) -> Result<Value, String> {
        self.skip();
        let mut text = String::new();
        let mut is_text = false;
        // Texts that follow each other are one.
        while let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            self.at += 1;
            self.text_until(quote, &mut text)?;
            is_text = true;
            self.skip();
        }
        if is_text {
            return Ok(Value::String(text));
        }
        let word = self.word();
        Ok(match word {
            "" => return self.wrong("a value"),
            "true" | "True" | "t" => Value::Bool(true),
            "false" | "False" | "f" => Value::Bool(false),
            word => number(word).unwrap_or_else(|| Value::String(word.to_owned())),
        })
    }

    fn text_until(&mut self, quote: char, text: &mut String) -> Result<(), String> {
        loop {
            let Some(char) = self.rest().chars().next().filter(|c| *c != '\n') else {
                return self.wrong("the end of a text");
            };
            self.at += char.len_utf8();
            if char == quote {
                return Ok(());
            }
            if char != '\\' {
                text.push(char);
                continue;
            }
            let escaped = self.rest().chars().next();
            self.at += escaped.map_or(0, char::len_utf8);
            text.push(match escaped {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(plain @ ('\\' | '\'' | '"' | '?')) => plain,
                _ => return self.wrong("one of \\n, \\t, \\r, \\\\, \\', \\\""),
            });
        }
    }
}

fn number(word: &str) -> Option<Value> {
    if let Ok(whole) = word.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = word.parse::<u64>() {
        return Some(whole.into());
    }
    let is_number = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number = word.trim_end_matches(['f', 'F']).parse::<f64>().ok().filter(|_| is_number)?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let Some(before) = fields.remove(name) else {
        fields.insert(name.to_owned(), value);
        return;
    };
    let list = |value| if let Value::Array(list) = value { list } else { vec![value] };
    let mut all = list(before);
    all.extend(list(value));
    fields.insert(name.to_owned(), Value::Array(all));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json_of(text: &str) -> Value {
        Value::Object(read(text).unwrap())
    }

    #[test]
    fn every_form_of_a_field_is_read() {
        let text = r#"
            name: "digits"  # as the directory
            max_batch_size: 8
            input [
              { name: "x", data_type: TYPE_FP32 dims: [ -1, 3 ] },
              { name: 'y' data_type: TYPE_STRING; dims: 1 dims: 2 }
            ]
            output { name: "a\tb" "c" reshape: < shape: [] > }
            dynamic_batching { }
            dynamic: true share: 0.5 weight: 1.5f
        "#;
        let expected = json!({
            "name": "digits",
            "max_batch_size": 8,
            "input": [
                {"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 3]},
                {"name": "y", "data_type": "TYPE_STRING", "dims": [1, 2]},
            ],
            "output": {"name": "a\tbc", "reshape": {"shape": []}},
            "dynamic_batching": {},
            "dynamic": true,
            "share": 0.5,
            "weight": 1.5,
        });
        assert_eq!(json_of(text), expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, message) in [
            ("a: 1\nb", "line 2: expected ':' or '{', came the end"),
            ("a: \"x\ny\"", "line 1: expected the end of a text, came the end"),
            ("a {\n b: 1", "line 2: expected the name of a field, came the end"),
            ("a: [1 2]", "line 1: expected ',' or ']', came '2]'"),
            ("}", "line 1: expected the name of a field, came '}'"),
        ] {
            assert_eq!(read(text).unwrap_err(), message, "{text}");
        }
        let deep = "a {".repeat(50_000);
        assert!(read(&deep).unwrap_err().contains("fewer messages"));
        assert!(read(&format!("a: {}", "[".repeat(50_000))).unwrap_err().contains("fewer lists"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_nothing_panics(text in r#"[a-c0-9:{}\[\]<>,;"'\\#\n é.-]{0,60}"#) {
            let _ = read(&text);
        }
    }
}
