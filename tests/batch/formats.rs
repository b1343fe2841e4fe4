//! One table through all readers and writers: what goes in comes out, for each pair of formats.
//!
//! What formats cannot say, and so lose:
//! - CSV has texts only, and does not tell a missing text from an empty one.
//! - NDJSON has no number that is not finite: it is missing then. Truth values are read as the
//!   numbers 1 and 0. Dates, times and decimals are texts, and whole numbers beyond 64 bits with a
//!   sign are texts once they were read.
//! - Times with a zone are written to texts in UTC. Dictionaries become plain columns.
//! - Parquet and Arrow lose nothing of each other.

mod cells;
mod table;

use std::fmt::Write as _;

use arrow_schema::DataType;

use crate::support::{Work, arrow_file, batches_of, fixture, parquet_file};
use cells::{Cells, cells, known, of_batches};
use table::{KEPT, table};

const KINDS: [&str; 8] =
    ["csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst", "parquet", "arrow"];
fn ask(work: &Work, from: &str, to: &str) {
    work.predicted(
        &fixture("dtype_fp32.onnx"),
        &format!("--input {from} --output {to} --keep {}", KEPT.join(",")),
    );
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
        let twice = |cell: Option<String>| {
            cell.and_then(|text| text.parse::<f32>().ok()).map(|x| (2.0 * x).to_string())
        };
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
            let name = format!("{from}-twice.{to}")
                .replace(&format!("{from}-"), &format!("{}-", from.replace('.', "_")));
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
    for row in 0..rows {
        writeln!(text, "{row},{row},0,1").expect("memory suffices");
    }
    work.write("in.csv", &text);
    let mut from = "in.csv".to_owned();
    for kind in KINDS {
        let to = format!("out.{kind}");
        work.predicted(
            &fixture("dtype_fp32.onnx"),
            &format!("--input {from} --output {to} --keep id --jobs 3"),
        );
        from = to;
    }
    let ids: Vec<String> = batches_of(&from, &work.read(&from))
        .iter()
        .flat_map(|batch| of_batches(std::slice::from_ref(batch)).remove(0))
        .flatten()
        .collect();
    assert!(ids.len() == rows && ids.iter().enumerate().all(|(row, id)| *id == row.to_string()));
}
