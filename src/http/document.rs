//! Documents that are objects: `2.0` is a whole number in them as `2` is, since JSON has one kind
//! of number where serde tells two apart.

use serde::de::DeserializeOwned;

use super::error::Error;

/// Reads a document that is an object. serde would read one from a list as well, field by field.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Error> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Error::Malformed(format!("malformed {what}: expected an object")));
    }
    parsed(bytes, |bytes| serde_json::from_slice(bytes))
        .map_err(|error| Error::Malformed(format!("malformed {what}: {error}")))
}

/// What the parser makes of the text, or of the same text without points. The error is that of the
/// text as it came.
pub(super) fn parsed<T, E>(text: &[u8], parse: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, E> {
    parse(text).or_else(|error| match without_points(text) {
        Some(plain) => parse(&plain).map_err(|_| error),
        None => Err(error),
    })
}

/// The text with every whole number written without a point or an exponent, if there is one to
/// write anew. All else stays, also what is wrong with it.
fn without_points(text: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut is_other) = (Vec::with_capacity(text.len()), false);
    let mut rest = text;
    while let Some(first) = rest.first() {
        let (token, whole) = match first {
            b'"' => (string(rest), None),
            b'-' | b'0'..=b'9' => {
                let number = leading(rest, |byte| {
                    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
                });
                (number, whole(number))
            }
            _ => (leading(rest, |byte| !matches!(byte, b'"' | b'-' | b'0'..=b'9')), None),
        };
        is_other |= whole.is_some();
        match whole {
            Some(whole) => plain.extend_from_slice(whole.as_bytes()),
            None => plain.extend_from_slice(token),
        }
        rest = &rest[token.len()..];
    }
    is_other.then_some(plain)
}

/// The bytes at the beginning that are such.
fn leading(text: &[u8], is_such: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !is_such(*byte)).unwrap_or(text.len());
    &text[..end]
}

/// The string at the beginning, with its quotes.
fn string(text: &[u8]) -> &[u8] {
    let (mut end, mut is_escaped) = (1, false);
    for byte in &text[1..] {
        end += 1;
        match byte {
            b'"' if !is_escaped => break,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    &text[..end]
}

/// A number with a point or an exponent that is whole, and one that fits.
fn whole(number: &[u8]) -> Option<String> {
    if !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return None;
    }
    let float: f64 = serde_json::from_slice(number).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "what is too large does not fit below")]
    let whole = (float.fract() == 0.0).then_some(float as i128)?;
    (i64::try_from(whole).is_ok() || u64::try_from(whole).is_ok()).then(|| whole.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point() {
        let read = |text: &str| object::<BTreeMap<String, u32>>(text.as_bytes(), "map");
        assert_eq!(
            read(r#"{"a": 2.0, "b": 1e3}"#).unwrap(),
            [("a".into(), 2), ("b".into(), 1000)].into()
        );
        for wrong in [r#"{"a": 2.5}"#, r#"{"a": -2.0}"#, r#"{"a": 1e30}"#, r#"{"a": "2"}"#, "{"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let error = read(r#"{"a": 2.5}"#).unwrap_err().to_string();
        assert!(error.starts_with("malformed map: invalid type: floating point `2.5`"), "{error}");
    }

    #[test]
    fn a_list_is_no_object() {
        let read = object::<(u8,)>(b" [1]", "pair").unwrap_err();
        assert_eq!(read.to_string(), "malformed pair: expected an object");
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_whatever_its_numbers() {
        #[derive(Debug, Deserialize)]
        struct One {
            #[expect(dead_code, reason = "it is only read")]
            a: u32,
        }
        for text in [r#"{"a": 1, "a": 2}"#, r#"{"a": 1.0, "a": 2.0}"#] {
            let error = object::<One>(text.as_bytes(), "one").unwrap_err().to_string();
            assert!(error.starts_with("malformed one: "), "{error}");
        }
        object::<One>(br#"{"a": 1.0}"#, "one").unwrap();
    }

    #[test]
    fn what_looks_like_numbers_in_texts_stays() {
        for text in
            [r#"{"1.0": "2.0 \\\" 3.0"}"#, r#"["\\\\", "1e3"]"#, "[1, -2, 3.5, 1e99]", "\"1.0"]
        {
            assert_eq!(without_points(text.as_bytes()), None, "{text}");
        }
        let plain = without_points(br#"{"a\\": 2.0, "b": [-1e2, 0.5, 1.0]}"#).unwrap();
        assert_eq!(plain, br#"{"a\\": 2, "b": [-100, 0.5, 1]}"#);
    }

    /// Documents of floats, texts and whole numbers.
    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (-1000i32..1000).prop_map(|number| json!(f64::from(number) / 4.0)),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn same(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
            }
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|((a, x), (b, y))| a == b && same(x, y))
            }
            (one, other) => one == other,
        }
    }

    proptest! {
        #[test]
        fn a_document_says_the_same_without_points(document in documents()) {
            let text = document.to_string();
            if let Some(plain) = without_points(text.as_bytes()) {
                let again: Value = serde_json::from_slice(&plain).unwrap();
                prop_assert!(same(&document, &again), "{text}");
            } else {
                prop_assert!(!text.contains(".0,") || text.contains('"'), "{text}");
            }
        }

        #[test]
        fn any_bytes_are_gone_through(bytes: Vec<u8>) {
            let _ = without_points(&bytes);
        }
    }
}
