//! Evaluation data out of CSV and Parquet, row by row: it may be larger than memory.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::cell::Cell;

/// The rows of a table; messages name the column or the row.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Box<dyn Iterator<Item = Result<Vec<Cell>, String>>>,
}

impl Table {
    /// # Errors
    /// The reason why the file cannot be read; it does not name the file.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let file = File::open(path).map_err(|error| format!("it cannot be read: {error}"))?;
        match extension.to_str() {
            Some("csv") => csv(file),
            Some("parquet") => parquet(file),
            _ => Err("expected a file .csv or .parquet".to_owned()),
        }
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }
}

fn csv(file: File) -> Result<Table, String> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file));
    let columns = reader.headers().map_err(|error| format!("it is no CSV: {error}"))?;
    let columns = columns.iter().map(str::to_owned).collect();
    let rows = reader.into_records().enumerate().map(|(row, record)| {
        let record = record.map_err(|error| format!("row {row}: {error}"))?;
        let cell = |text: &str| {
            if text.is_empty() { Cell::Missing } else { Cell::Text(text.to_owned()) }
        };
        Ok(record.iter().map(cell).collect())
    });
    Ok(Table { columns, rows: Box::new(rows) })
}

fn parquet(file: File) -> Result<Table, String> {
    let broken = |error: parquet::errors::ParquetError| format!("it is no Parquet: {error}");
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let columns = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let rows = RowIter::from_file_into(Box::new(reader)).enumerate().map(|(row, record)| {
        let record = record.map_err(|error| format!("row {row}: {error}"))?;
        cells(record).map_err(|problem| format!("row {row}: {problem}"))
    });
    Ok(Table { columns, rows: Box::new(rows) })
}

fn cells(row: Row) -> Result<Vec<Cell>, String> {
    let columns = row.into_columns().into_iter();
    columns
        .map(|(name, field)| cell(field).map_err(|problem| format!("column '{name}' {problem}")))
        .collect()
}

fn cell(field: Field) -> Result<Cell, String> {
    Ok(match field {
        Field::Null => Cell::Missing,
        Field::Bool(value) => Cell::Whole(i64::from(value)),
        Field::Byte(value) => Cell::Whole(value.into()),
        Field::Short(value) => Cell::Whole(value.into()),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => {
            Cell::Whole(value.into())
        }
        Field::Long(value)
        | Field::TimeMicros(value)
        | Field::TimestampMillis(value)
        | Field::TimestampMicros(value) => Cell::Whole(value),
        Field::UByte(value) => Cell::Whole(value.into()),
        Field::UShort(value) => Cell::Whole(value.into()),
        Field::UInt(value) => Cell::Whole(value.into()),
        Field::ULong(value) => {
            i64::try_from(value).map_or_else(|_| Cell::Text(value.to_string()), Cell::Whole)
        }
        Field::Float16(value) => Cell::Number(value.to_f64()),
        Field::Float(value) => Cell::Number(value.into()),
        Field::Double(value) => Cell::Number(value),
        decimal @ Field::Decimal(_) => Cell::Text(decimal.to_string()),
        Field::Str(text) => Cell::Text(text),
        Field::Bytes(bytes) => {
            let text = bytes.as_utf8().map_err(|_| "holds bytes that are no text".to_owned())?;
            Cell::Text(text.to_owned())
        }
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
            return Err("holds lists or records, expected single values".to_owned());
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    fn rows(path: &Path) -> Vec<Vec<Cell>> {
        Table::open(path).unwrap().rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn csv_and_parquet_hold_the_same_table() {
        let table = Table::open(&fixture("evaluation.parquet")).unwrap();
        assert_eq!(table.columns, ["carrier", "hour", "temp", "late"]);
        let expected = [
            [Cell::Text("UA".into()), Cell::Whole(7), Cell::Number(42.5), Cell::Whole(1)],
            [Cell::Text("B6".into()), Cell::Missing, Cell::Missing, Cell::Whole(0)],
            [Cell::Missing, Cell::Whole(23), Cell::Number(-1.25), Cell::Whole(1)],
        ];
        assert_eq!(rows(&fixture("evaluation.parquet")), expected);
        for (typed, texts) in expected.iter().zip(rows(&fixture("evaluation.csv"))) {
            for (typed, text) in typed.iter().zip(&texts) {
                assert_eq!(typed.class(), text.class());
            }
        }
    }

    #[test]
    fn damage_names_the_row() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("short.csv");
        std::fs::write(&path, "a,b\n1,2\n3\n").unwrap();
        let message = Table::open(&path).unwrap().rows.nth(1).unwrap().unwrap_err();
        assert!(message.starts_with("row 1: "), "{message}");
        let path = directory.path().join("text.parquet");
        std::fs::write(&path, "not parquet at all").unwrap();
        assert!(Table::open(&path).map(drop).unwrap_err().starts_with("it is no Parquet: "));
    }
}
