//! What files hold, as their own readers see it, in one spelling.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::Value;

use super::table::KEPT;
use crate::support::{Work, batches_of, unzipped};

/// Cells by columns, as texts.
pub type Cells = Vec<Vec<Option<String>>>;

pub fn of_batches(batches: &[RecordBatch]) -> Cells {
    let mut cells = vec![Vec::new(); batches[0].num_columns()];
    for batch in batches {
        for (column, cells) in batch.columns().iter().zip(&mut cells) {
            let column = in_utc(column);
            let formatter =
                ArrayFormatter::try_new(&column, &FormatOptions::new()).expect("it has texts");
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
    let rows: Vec<Value> =
        lines.map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let names = KEPT.into_iter().chain(["y[0]", "y[1]", "y[2]"]);
    names.map(|name| rows.iter().map(|row| cell(row, name)).collect()).collect()
}

pub fn cells(work: &Work, name: &str) -> Cells {
    let text = unzipped(name, &work.read(name));
    match name.split('.').nth(1) {
        Some("csv") => of_csv(&text),
        Some("ndjson") => of_ndjson(&text),
        _ => of_batches(&batches_of(name, &text)),
    }
}

/// One spelling for the values of a column, and only what formats on the way could say.
pub fn known(mut cells: Cells, way: &[&str]) -> Cells {
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
                "f32" => text
                    .parse::<f32>()
                    .ok()
                    .filter(|x| !is("ndjson") || x.is_finite())
                    .map(|x| format!("{x:?}")),
                "f64" => text
                    .parse::<f64>()
                    .ok()
                    .filter(|x| !is("ndjson") || x.is_finite())
                    .map(|x| format!("{x:?}")),
                "bool" if is("ndjson") => {
                    Some(if text == "true" || text == "1" { "1" } else { "0" }.to_owned())
                }
                _ => Some(text.clone()),
            };
        }
    }
    cells
}
