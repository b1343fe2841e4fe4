//! The table: each column has a missing value, and what is hard about its type.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};

pub const KEPT: [&str; 20] = [
    "bool",
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f32",
    "f64",
    "text",
    "large",
    "date",
    "time",
    "zoned",
    "elsewhere",
    "decimal",
    "dictionary",
    "nothing",
];
const ROWS: usize = 7;

/// Each column has a missing value, and what is hard about its type.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn table() -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])),
        Arc::new(Float32Array::from(vec![0.5; ROWS])),
        Arc::new(Float32Array::from(vec![-0.25; ROWS])),
        Arc::new(BooleanArray::from(vec![
            Some(true),
            None,
            Some(false),
            None,
            None,
            Some(true),
            None,
        ])),
        Arc::new(Int8Array::from(vec![
            Some(i8::MIN),
            None,
            Some(i8::MAX),
            Some(0),
            None,
            None,
            None,
        ])),
        Arc::new(Int16Array::from(vec![
            Some(i16::MIN),
            None,
            Some(i16::MAX),
            Some(0),
            None,
            None,
            None,
        ])),
        Arc::new(Int32Array::from(vec![
            Some(i32::MIN),
            None,
            Some(i32::MAX),
            Some(0),
            None,
            None,
            None,
        ])),
        Arc::new(Int64Array::from(vec![
            Some(i64::MIN),
            None,
            Some(i64::MAX),
            Some(1 << 53 | 1),
            None,
            None,
            None,
        ])),
        Arc::new(UInt8Array::from(vec![Some(0), None, Some(u8::MAX), None, None, None, None])),
        Arc::new(UInt16Array::from(vec![Some(0), None, Some(u16::MAX), None, None, None, None])),
        Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX), None, None, None, None])),
        Arc::new(UInt64Array::from(vec![
            Some(0),
            None,
            Some(u64::MAX),
            Some(1 << 63),
            None,
            None,
            None,
        ])),
        Arc::new(Float32Array::from(vec![
            Some(0.1),
            None,
            Some(f32::NAN),
            Some(f32::INFINITY),
            Some(-0.0),
            Some(1e-45),
            Some(f32::MIN),
        ])),
        Arc::new(Float64Array::from(vec![
            Some(0.1),
            None,
            Some(f64::NAN),
            Some(f64::NEG_INFINITY),
            Some(-0.0),
            Some(5e-324),
            Some(f64::MAX),
        ])),
        Arc::new(StringArray::from(vec![
            Some("a,b"),
            None,
            Some(""),
            Some("she said \"no\""),
            Some("two\nlines\r\n"),
            Some("Grüße 🛫 \u{200d}"),
            Some(" '\\\t\u{1}"),
        ])),
        Arc::new(LargeStringArray::from(vec![
            Some("large"),
            None,
            Some(""),
            Some("null"),
            Some("NaN"),
            Some("1.0"),
            Some("true"),
        ])),
        Arc::new(Date32Array::from(vec![
            Some(0),
            None,
            Some(-1),
            Some(15_706),
            Some(2_932_896),
            None,
            None,
        ])),
        Arc::new(TimestampMicrosecondArray::from(vec![
            Some(0),
            None,
            Some(1_357_034_400_123_456),
            Some(-1),
            None,
            None,
            None,
        ])),
        Arc::new(
            TimestampMillisecondArray::from(vec![
                Some(0),
                None,
                Some(1_357_034_400_123),
                Some(-1),
                None,
                None,
                None,
            ])
            .with_timezone("UTC"),
        ),
        Arc::new(
            TimestampMillisecondArray::from(vec![
                Some(0),
                None,
                Some(1_357_034_400_000),
                Some(-1),
                None,
                None,
                None,
            ])
            .with_timezone("America/New_York"),
        ),
        Arc::new(
            Decimal128Array::from(vec![
                Some(12_345),
                None,
                Some(-1),
                Some(99_999_999_999_999_999_999),
                Some(0),
                None,
                None,
            ])
            .with_precision_and_scale(20, 3)
            .expect("it fits"),
        ),
        Arc::new(DictionaryArray::<Int32Type>::from_iter([
            Some("UA"),
            None,
            Some("UA"),
            Some(""),
            Some("B6"),
            None,
            Some("UA"),
        ])),
        Arc::new(StringArray::from(vec![None::<&str>; ROWS])),
    ];
    let names = ["a", "b", "c"].into_iter().chain(KEPT);
    RecordBatch::try_from_iter_with_nullable(
        names.zip(columns).map(|(name, values)| (name, values, true)),
    )
    .expect("columns are of one length")
}
