//! One table through all readers and writers: what goes in comes out, for each pair of formats.
//!
//! What formats cannot say, and so lose:
//! - CSV has texts only, and does not tell a missing text from an empty one.
//! - NDJSON has no number that is not finite: it is missing then. Truth values are read as the
//!   numbers 1 and 0. Dates, times and decimals are texts, and whole numbers beyond 64 bits with a
//!   sign are texts once they were read.
//! - Times with a zone are written to texts in UTC. Dictionaries become plain columns.
//! - Parquet and Arrow lose nothing of each other.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::Value;

use crate::support::{Work, arrow_file, batches_of, fixture, parquet_file, unzipped};

const KINDS: [&str; 8] = [
    "csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst", "parquet", "arrow",
];
const KEPT: [&str; 20] = [
    "bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "text", "large",
    "date", "time", "zoned", "elsewhere", "decimal", "dictionary", "nothing",
];
const ROWS: usize = 7;

/// Each column has a missing value, and what is hard about its type.
fn table() -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])),
        Arc::new(Float32Array::from(vec![0.5; ROWS])),
        Arc::new(Float32Array::from(vec![-0.25; ROWS])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None, None, Some(true), None])),
        Arc::new(Int8Array::from(vec![Some(i8::MIN), None, Some(i8::MAX), Some(0), None, None, None])),
        Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX), Some(0), None, None, None])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX), Some(0), None, None, None])),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(1 << 53 | 1), None, None, None])),
        Arc::new(UInt8Array::from(vec![Some(0), None, Some(u8::MAX), None, None, None, None])),
        Arc::new(UInt16Array::from(vec![Some(0), None, Some(u16::MAX), None, None, None, None])),
        Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX), None, None, None, None])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX), Some(1 << 63), None, None, None])),
        Arc::new(Float32Array::from(vec![
            Some(0.1), None, Some(f32::NAN), Some(f32::INFINITY), Some(-0.0), Some(1e-45), Some(f32::MIN),
        ])),
        Arc::new(Float64Array::from(vec![
            Some(0.1), None, Some(f64::NAN), Some(f64::NEG_INFINITY), Some(-0.0), Some(5e-324), Some(f64::MAX),
        ])),
        Arc::new(StringArray::from(vec![
            Some("a,b"), None, Some(""), Some("she said \"no\""), Some("two\nlines\r\n"), Some("Grüße 🛫 \u{200d}"),
            Some(" '\\\t\u{1}"),
        ])),
        Arc::new(LargeStringArray::from(vec![Some("large"), None, Some(""), Some("null"), Some("NaN"), Some("1.0"), Some("true")])),
        Arc::new(Date32Array::from(vec![Some(0), None, Some(-1), Some(15_706), Some(2_932_896), None, None])),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(1_357_034_400_123_456), Some(-1), None, None, None])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(0), None, Some(1_357_034_400_123), Some(-1), None, None, None]).with_timezone("UTC")),
        Arc::new(TimestampMillisecondArray::from(vec![Some(0), None, Some(1_357_034_400_000), Some(-1), None, None, None]).with_timezone("America/New_York")),
        Arc::new(
            Decimal128Array::from(vec![Some(12_345), None, Some(-1), Some(99_999_999_999_999_999_999), Some(0), None, None])
                .with_precision_and_scale(20, 3).expect("it fits"),
        ),
        Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("UA"), None, Some("UA"), Some(""), Some("B6"), None, Some("UA")])),
        Arc::new(StringArray::from(vec![None::<&str>; ROWS])),
    ];
    let names = ["a", "b", "c"].into_iter().chain(KEPT);
    RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(name, values)| (name, values, true)))
        .expect("columns are of one length")
}

/// Cells by columns, as texts.
type Cells = Vec<Vec<Option<String>>>;

fn of_batches(batches: &[RecordBatch]) -> Cells {
    let mut cells = vec![Vec::new(); batches[0].num_columns()];
    for batch in batches {
        for (column, cells) in batch.columns().iter().zip(&mut cells) {
            let column = in_utc(column);
            let formatter = ArrayFormatter::try_new(&column, &FormatOptions::new()).expect("it has texts");
            let cell = |row| column.is_valid(row).then(|| formatter.value(row).to_string());
            cells.extend((0..column.len()).map(cell));
        }
    }
    cells
}

fn in_utc(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            arrow_cast::cast(column, &utc).expect("only the zone differs")
        }
        _ => Arc::clone(column),
    }
}

fn of_csv(text: &[u8]) -> Cells {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let mut cells = vec![Vec::new(); reader.headers().expect("it has a header").len()];
    for record in reader.records() {
        let record = record.expect("it is CSV");
        cells.iter_mut().zip(&record).for_each(|(column, cell)| column.push(Some(cell.to_owned())));
    }
    cells
}

fn of_ndjson(text: &[u8]) -> Cells {
    let lines = str::from_utf8(text).expect("it is UTF-8").lines();
    let rows: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let names = KEPT.into_iter().chain(["y[0]", "y[1]", "y[2]"]);
    names.map(|name| rows.iter().map(|row| cell(row, name)).collect()).collect()
}

fn cells(work: &Work, name: &str) -> Cells {
    let text = unzipped(name, &work.read(name));
    match name.split('.').nth(1) {
        Some("csv") => of_csv(&text),
        Some("ndjson") => of_ndjson(&text),
        _ => of_batches(&batches_of(name, &text)),
    }
}

/// One spelling for the values of a column, and only what formats on the way could say.
fn known(mut cells: Cells, way: &[&str]) -> Cells {
    let is = |format: &str| way.iter().any(|kind| kind.starts_with(format));
    for (place, column) in cells.iter_mut().enumerate() {
        for cell in column.iter_mut() {
            let Some(text) = cell else { continue };
            let name = KEPT.get(place).copied().unwrap_or("f32");
            if is("csv") && text.is_empty() {
                *cell = None;
                continue;
            }
            *cell = match name {
                "f32" => text.parse::<f32>().ok().filter(|x| !is("ndjson") || x.is_finite()).map(|x| format!("{x:?}")),
                "f64" => text.parse::<f64>().ok().filter(|x| !is("ndjson") || x.is_finite()).map(|x| format!("{x:?}")),
                "bool" if is("ndjson") => Some(if text == "true" || text == "1" { "1" } else { "0" }.to_owned()),
                _ => Some(text.clone()),
            };
        }
    }
    cells
}

fn ask(work: &Work, from: &str, to: &str) {
    work.predicted(&fixture("dtype_fp32.onnx"), &format!("--input {from} --output {to} --keep {}", KEPT.join(",")));
}

/// The table with predictions, in all formats.
fn everything() -> (Work, Cells) {
    let (work, table) = (Work::new(), table());
    work.write("table.parquet", parquet_file(&table, 3)).write("table.arrow", arrow_file(&table));
    for kind in KINDS {
        ask(&work, "table.parquet", &format!("once.{kind}"));
    }
    let mut expected = of_batches(&[table]);
    for factor in expected.drain(..3).collect::<Vec<_>>() {
        let twice = |cell: Option<String>| cell.and_then(|text| text.parse::<f32>().ok()).map(|x| (2.0 * x).to_string());
        expected.push(factor.into_iter().map(twice).collect());
    }
    (work, expected)
}

fn doubled(mut cells: Cells) -> Cells {
    for column in &mut cells[KEPT.len()..] {
        for cell in column.iter_mut().flatten() {
            *cell = (2.0 * cell.parse::<f32>().expect("it is a number")).to_string();
        }
    }
    cells
}

#[test]
fn every_type_goes_into_every_format() {
    let (work, expected) = everything();
    for kind in KINDS {
        let found = known(cells(&work, &format!("once.{kind}")), &[kind]);
        let expected = known(expected.clone(), &[kind]);
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{kind}, {}", KEPT.get(place).unwrap_or(&"prediction"));
        }
    }
}

#[test]
fn every_pair_of_formats_keeps_what_both_can_say() {
    let (work, expected) = everything();
    let expected = doubled(expected);
    for from in KINDS {
        for to in KINDS {
            let name = format!("{from}-twice.{to}").replace(&format!("{from}-"), &format!("{}-", from.replace('.', "_")));
            ask(&work, &format!("once.{from}"), &name);
            let found = known(cells(&work, &name), &[from, to]);
            let expected = known(expected.clone(), &[from, to]);
            for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let column = KEPT.get(place).unwrap_or(&"prediction");
                assert_eq!(found, expected, "{from} to {to}, {column}");
            }
        }
    }
}

#[test]
fn parquet_and_arrow_keep_the_types_of_each_other() {
    let (work, table) = (Work::new(), table());
    work.write("table.parquet", parquet_file(&table, 3)).write("table.arrow", arrow_file(&table));
    for (from, to) in [("parquet", "arrow"), ("arrow", "parquet"), ("arrow", "arrow")] {
        ask(&work, &format!("table.{from}"), &format!("{from}-types.{to}"));
        let name = format!("{from}-types.{to}");
        let batches = batches_of(&name, &work.read(&name));
        let schema = batches[0].schema();
        for field in schema.fields().iter().filter(|field| KEPT.contains(&field.name().as_str())) {
            let before = table.schema();
            let before = before.field_with_name(field.name()).expect("it is kept");
            let expected = match before.data_type() {
                DataType::Dictionary(_, values) => values.as_ref().clone(),
                other => other.clone(),
            };
            assert_eq!(*field.data_type(), expected, "{name}: {}", field.name());
        }
    }
}

#[test]
fn a_file_has_its_rows_in_order_however_many_pieces_it_is_cut_into() {
    let work = Work::new();
    let rows = 70_001;
    let mut text = "id,a,b,c\n".to_owned();
    (0..rows).for_each(|row| text += &format!("{row},{row},0,1\n"));
    work.write("in.csv", &text);
    let mut from = "in.csv".to_owned();
    for kind in KINDS {
        let to = format!("out.{kind}");
        work.predicted(&fixture("dtype_fp32.onnx"), &format!("--input {from} --output {to} --keep id --jobs 3"));
        from = to;
    }
    let ids: Vec<String> = batches_of(&from, &work.read(&from))
        .iter()
        .flat_map(|batch| of_batches(std::slice::from_ref(batch)).remove(0))
        .flatten()
        .collect();
    assert!(ids.len() == rows && ids.iter().enumerate().all(|(row, id)| *id == row.to_string()));
}
