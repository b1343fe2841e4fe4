//! Values of every class are read as `serde_json` reads them, and refused where it refuses
//! them; the exceptions are named. Floats are the ones of the standard library, which rounds
//! right where `serde_json` may be off in the last digits.

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::{FromJson, Reader, read_nested};
use crate::tensor::CompactString;

/// All elements of an array, as requests are read.
fn ours<T: FromJson>(text: &str) -> Option<Vec<T>> {
    let mut reader = Reader::new(text.as_bytes());
    let mut values = Vec::new();
    let nesting = read_nested(&mut reader, &mut values).ok()?;
    reader.finish().ok()?;
    (nesting.len() == 1).then_some(values)
}

fn theirs<T: DeserializeOwned>(text: &str) -> Option<Vec<T>> {
    serde_json::from_str(text).ok()
}

fn our_texts(text: &str) -> Option<Vec<String>> {
    Some(ours::<CompactString>(text)?.into_iter().map(Into::into).collect())
}

/// The same elements between different spaces.
fn arrays(element: impl Strategy<Value = String>) -> impl Strategy<Value = (Vec<String>, String)> {
    let space = || prop_oneof![4 => Just(""), 2 => Just(" "), 1 => Just("\n\t "), 1 => Just("  ")];
    proptest::collection::vec((element, space(), space()), 1..12).prop_map(|elements| {
        let joined: Vec<String> =
            elements.iter().map(|(text, before, after)| format!("{before}{text}{after}")).collect();
        let texts = elements.into_iter().map(|(text, ..)| text).collect();
        (texts, format!("[{}]", joined.join(",")))
    })
}

/// Numbers as they are written: short, long, with exponents, and close to where lengths and
/// ranges end.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,9})?",
        2 => "-?[0-9]\\.[0-9]{6,20}",
        2 => "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?",
        1 => any::<f64>().prop_filter("JSON has no others", |v| v.is_finite()).prop_map(|v| v.to_string()),
        1 => any::<f32>().prop_filter("JSON has no others", |v| v.is_finite()).prop_map(|v| format!("{v:e}")),
        // Subnormals of both widths.
        1 => (1u64..1 << 52).prop_map(|bits| format!("{:e}", f64::from_bits(bits))),
        1 => (1u32..1 << 23).prop_map(|bits| format!("{:e}", f32::from_bits(bits))),
        1 => prop_oneof![Just("-0"), Just("0"), Just("-0.0"), Just("-0e5"), Just("0.000000")]
            .prop_map(str::to_owned),
    ]
}

fn integer() -> impl Strategy<Value = String> {
    let edges = [
        i128::from(i64::MIN),
        i128::from(i64::MAX),
        i128::from(u64::MAX),
        1 << 53,
        10i128.pow(8),
        10i128.pow(15),
        10i128.pow(18),
        0,
    ];
    prop_oneof![
        any::<i64>().prop_map(|v| v.to_string()),
        any::<u64>().prop_map(|v| v.to_string()),
        (-300i64..70_000).prop_map(|v| v.to_string()),
        (proptest::sample::select(edges.to_vec()), -2i128..=2)
            .prop_map(|(edge, off)| (edge + off).to_string()),
    ]
}

/// What may be a number and mostly is none.
fn nearly_a_number() -> impl Strategy<Value = String> {
    prop_oneof!["[-+0-9.eE]{1,10}", "-?[0-9]{1,9}[.eE]?", "-?[0-9]{1,3}\\.[0-9]{0,9}[-eE.]?[0-9]?"]
}

fn bits64(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn numbers_of_every_form_are_read_to_the_nearest_f64_and_f32((texts, array) in arrays(number())) {
        let exact: Vec<f64> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let finite = exact.iter().all(|value| value.is_finite());
        let read = ours::<f64>(&array);
        prop_assert_eq!(read.is_some(), finite, "{}", array);
        prop_assert_eq!(theirs::<f64>(&array).is_some(), finite);
        if let Some((read, theirs)) = read.zip(theirs::<f64>(&array)) {
            prop_assert_eq!(bits64(&read), bits64(&exact), "{}", array);
            for (ours, theirs) in read.iter().zip(&theirs) {
                let off = 1e-15 * ours.abs() + f64::from_bits(8);
                prop_assert!((ours - theirs).abs() <= off, "{ours} {theirs}");
            }
        }
        let single: Vec<f32> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let finite = single.iter().all(|value| value.is_finite());
        let read = ours::<f32>(&array);
        prop_assert_eq!(read.is_some(), finite, "{}", array);
        if let Some(read) = read {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&single), "{}", array);
        }
    }

    #[test]
    fn integers_of_every_width_are_read_and_refused_as_by_serde_json((_, array) in arrays(integer())) {
        prop_assert_eq!(ours::<i64>(&array), theirs::<i64>(&array));
        prop_assert_eq!(ours::<u64>(&array), theirs::<u64>(&array));
        prop_assert_eq!(ours::<i32>(&array), theirs::<i32>(&array));
        prop_assert_eq!(ours::<u16>(&array), theirs::<u16>(&array));
        prop_assert_eq!(ours::<i8>(&array), theirs::<i8>(&array));
    }

    #[test]
    fn what_is_nearly_a_number_is_refused_where_serde_json_refuses_it(
        (texts, array) in arrays(nearly_a_number())
    ) {
        prop_assert_eq!(ours::<f64>(&array).is_some(), theirs::<f64>(&array).is_some(), "{}", array);
        // Integers written with a point or an exponent are floats to both; -0 is one to
        // `serde_json` alone.
        if texts.iter().all(|text| text != "-0") {
            prop_assert_eq!(ours::<i64>(&array), theirs::<i64>(&array), "{}", array);
        }
    }

    #[test]
    fn strings_and_booleans_are_read_as_by_serde_json(
        strings: Vec<String>,
        booleans: Vec<bool>,
        escaped in "\"(\\\\[\"\\\\/bfnrtu]|\\\\u[0-9a-fA-F]{4}|[a-z é]){0,6}\"",
    ) {
        let text = serde_json::to_string(&strings).unwrap();
        prop_assert_eq!(our_texts(&text), theirs::<String>(&text));
        let text = serde_json::to_string(&booleans).unwrap();
        prop_assert_eq!(ours::<bool>(&text), theirs::<bool>(&text));
        let text = format!("[{escaped}]");
        prop_assert_eq!(our_texts(&text), theirs::<String>(&text));
    }

    #[test]
    fn a_broken_array_is_refused_as_by_serde_json(
        (_, array) in arrays(number()),
        at in 0usize..200,
        byte in prop_oneof![Just(b','), Just(b']'), Just(b'['), Just(b' '), Just(b'.'), Just(b'x'), Just(b'-')],
    ) {
        let mut bytes = array.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(ours::<f64>(&text).is_some(), theirs::<f64>(&text).is_some(), "{}", text);
    }
}

/// Where this reader means to differ: floats that JSON does not have.
#[test]
fn missing_and_infinite_floats_are_read_though_serde_json_refuses_them() {
    for text in ["[NaN]", "[Infinity]", "[-Infinity]", "[null]", "[1.5, NaN, 2.5]"] {
        assert!(ours::<f64>(text).is_some() && theirs::<f64>(text).is_none(), "{text}");
        assert!(ours::<i64>(text).is_none(), "{text}");
    }
    for text in ["[nan]", "[inf]", "[-NaN]", "[+Infinity]", "[NULL]"] {
        assert!(ours::<f64>(text).is_none(), "{text}");
    }
}
