//! One JSON object a line; the keys are the columns.
//!
//! The first rows say which columns there are. A key that comes later has no place any more:
//! it is an error, and a key that is left out is a missing cell.

use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::iter;
use std::sync::Arc;

use arrow_schema::DataType;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::chunk::{Chunk, Column};
use super::source::{self, RowLimit, Source, Text};
use super::{Cell, Table};
use crate::tensor::{CompactString, format_compact};

/// Rows that may bring new columns.
pub(super) const OPEN_ROWS: usize = 1000;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn open(source: Source) -> Result<Table, String> {
    let progress = source.progress();
    let (text, limit) = source.into_text()?;
    let mut lines = Lines::new(text, limit);
    let first: Vec<Vec<Cell>> =
        iter::from_fn(|| lines.row().transpose()).take(OPEN_ROWS).collect::<Result<_, _>>()?;
    let columns = lines.columns.names.clone();
    if columns.is_empty() {
        return Err("it is empty, expected one JSON object a line".to_owned());
    }
    let width = columns.len();
    let first = first.into_iter().map(move |mut row| {
        row.resize(width, Cell::Missing);
        Ok(row)
    });
    lines.columns.is_open = false;
    let rest = iter::from_fn(move || lines.row().transpose());
    Ok(Table { columns, rows: Box::new(first.chain(rest)), progress })
}

/// The columns of the first lines of a file, and what they hold there.
pub(super) fn columns(lines: &[u8]) -> Vec<(String, DataType)> {
    let mut columns = Columns::default();
    let mut kinds: Vec<Option<DataType>> = Vec::new();
    for line in rows(lines) {
        // What is no object is a row that is damaged, and says nothing about columns.
        let Ok(cells) = parse(line, &mut columns) else { continue };
        kinds.resize(columns.names.len(), None);
        kinds.iter_mut().zip(&cells).for_each(|(kind, cell)| *kind = wider(kind.take(), cell));
    }
    kinds.resize(columns.names.len(), None);
    let kinds = kinds.into_iter().map(|kind| kind.unwrap_or(DataType::Utf8));
    columns.names.into_iter().zip(kinds).collect()
}

fn wider(kind: Option<DataType>, cell: &Cell) -> Option<DataType> {
    let own = match cell {
        Cell::Missing => return kind,
        Cell::Whole(_) => DataType::Int64,
        Cell::Number(_) => DataType::Float64,
        Cell::Text(_) => DataType::Utf8,
    };
    Some(match kind {
        None => own,
        Some(kind) if kind == own => own,
        Some(DataType::Utf8) => DataType::Utf8,
        Some(_) if own == DataType::Utf8 => DataType::Utf8,
        Some(_) => DataType::Float64,
    })
}

/// Lines that are not blank.
fn rows(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// Lines as cells.
pub(super) fn chunk(lines: &[u8], columns: &Arc<[String]>, count: usize) -> Chunk {
    let mut known = Columns::closed(columns);
    let column = || Vec::with_capacity(count);
    let mut cells: Vec<Vec<Cell>> = columns.iter().map(|_| column()).collect();
    let mut damaged = Vec::new();
    for (row, line) in rows(lines).enumerate() {
        match parse(line, &mut known) {
            Ok(row) => cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell)),
            Err(reason) => {
                damaged.push((row, reason));
                for column in &mut cells {
                    column.push(Cell::Missing);
                }
            }
        }
    }
    let rows = cells.first().map_or(count, Vec::len);
    Chunk { rows, columns: cells.into_iter().map(Column::Cells).collect(), damaged }
}

struct Lines {
    text: Text,
    limit: RowLimit,
    columns: Columns,
    line: Vec<u8>,
    /// The number of `line`, from 1.
    number: usize,
    /// Rows that were read; blank lines are none.
    rows: usize,
}

impl Lines {
    fn new(text: Text, limit: RowLimit) -> Self {
        let columns = Columns::default();
        Self { text, limit, columns, line: Vec::new(), number: 0, rows: 0 }
    }

    fn row(&mut self) -> Result<Option<Vec<Cell>>, String> {
        while self.next_line()? {
            let line = self.line.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.number == 1);
            let line = line.unwrap_or(&self.line).trim_ascii();
            if line.is_empty() {
                continue;
            }
            let cells = parse(line, &mut self.columns)
                .map_err(|reason| format!("row {}: line {}: {reason}", self.rows, self.number))?;
            self.rows += 1;
            return Ok(Some(cells));
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Result<bool, String> {
        self.limit.row_begins();
        self.line.clear();
        let read = self.text.read_until(b'\n', &mut self.line);
        self.number += 1;
        match read {
            Ok(read) => Ok(read > 0),
            Err(error) => Err(format!("row {}: {}", self.rows, source::unreadable(error))),
        }
    }
}

fn parse(line: &[u8], columns: &mut Columns) -> Result<Vec<Cell>, String> {
    let line = str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let cells = Row(columns).deserialize(&mut deserializer);
    let cells = cells.and_then(|cells| deserializer.end().map(|()| cells));
    cells.map_err(|error| {
        let text = error.to_string();
        // It numbers the lines of what it was given, which is one.
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        if error.is_data() {
            return reason.to_owned();
        }
        format!("it is no JSON at column {}: {reason}", error.column())
    })
}

struct Columns {
    names: Vec<String>,
    is_open: bool,
    /// Of names, once a key was not where it was looked for.
    places: HashMap<String, usize>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { names: Vec::new(), is_open: true, places: HashMap::new() }
    }
}

/// Columns that an error lists.
const LISTED: usize = 100;

impl Columns {
    fn closed(names: &[String]) -> Self {
        Self { names: names.to_vec(), is_open: false, places: HashMap::new() }
    }

    /// The place of a key, looked for first where it is if keys keep their order.
    fn place(&mut self, key: &str, likely: usize) -> Result<usize, String> {
        if self.names.get(likely).is_some_and(|name| name == key) {
            return Ok(likely);
        }
        if self.places.len() < self.names.len() {
            let places = self.names.iter().enumerate().skip(self.places.len());
            self.places.extend(places.map(|(place, name)| (name.clone(), place)));
        }
        if let Some(place) = self.places.get(key) {
            return Ok(*place);
        }
        if self.is_open {
            self.names.push(key.to_owned());
            return Ok(self.names.len() - 1);
        }
        let mut known = self.names[..self.names.len().min(LISTED)].join(", ");
        if self.names.len() > LISTED {
            known += ", …";
        }
        Err(format!(
            "key '{key}' is in none of the first {OPEN_ROWS} rows, keys there are: {known}"
        ))
    }
}

/// The object of a line.
struct Row<'c>(&'c mut Columns);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = Vec<Cell>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Cell>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Cell>, A::Error> {
        let Self(columns) = self;
        let mut cells = vec![Cell::Missing; columns.names.len()];
        let mut likely = 0;
        while let Some(place) = map.next_key_seed(Key { columns, likely })? {
            if place == cells.len() {
                cells.push(Cell::Missing);
            }
            cells[place] = map.next_value_seed(Value { column: &columns.names[place] })?;
            likely = place + 1;
        }
        Ok(cells)
    }
}

/// A key, which becomes a place.
struct Key<'c> {
    columns: &'c mut Columns,
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<usize, E> {
        self.columns.place(key, self.likely).map_err(E::custom)
    }
}

/// A value, which becomes a cell.
struct Value<'c> {
    column: &'c str,
}

impl Value<'_> {
    fn nested<E: Error>(&self) -> E {
        let column = self.column;
        E::custom(format!("column '{column}' holds lists or records, expected single values"))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Cell;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a single value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Missing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Whole(i64::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        let text = |_| Cell::Text(format_compact!("{value}"));
        Ok(i64::try_from(value).map_or_else(text, Cell::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(Cell::Text(CompactString::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Cell, A::Error> {
        Err(self.nested())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Cell, A::Error> {
        Err(self.nested())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_bytes;
    use super::*;

    fn refused(content: &[u8]) -> String {
        read_bytes("a.jsonl", content).unwrap_err()
    }

    #[test]
    fn keys_come_in_any_order_and_may_be_left_out() {
        let content = b"\xef\xbb\xbf{\"a\": 1, \"b\": \"x\"}\n\n{\"c\": 2.5, \"a\": null}\r\n{\"b\": \"\\u00e9\", \"a\": 18446744073709551615}";
        let expected = [
            [Cell::Whole(1), Cell::Text("x".into()), Cell::Missing],
            [Cell::Missing, Cell::Missing, Cell::Number(2.5)],
            [Cell::Text("18446744073709551615".into()), Cell::Text("é".into()), Cell::Missing],
        ];
        assert_eq!(read_bytes("a.ndjson", content).unwrap(), expected);
    }

    #[test]
    fn a_key_that_comes_too_late_is_named() {
        let mut content = "{\"a\": 1}\n".repeat(OPEN_ROWS - 1);
        content += "{\"b\": 1}\n";
        assert_eq!(read_bytes("a.jsonl", content.as_bytes()).unwrap()[0].len(), 2);
        content += "{\"a\": 1, \"c\": 1}\n";
        assert_eq!(
            refused(content.as_bytes()),
            "row 1000: line 1001: key 'c' is in none of the first 1000 rows, keys there are: a, b"
        );
    }

    #[test]
    fn an_unreadable_line_is_named() {
        assert_eq!(
            refused(b"{\"a\": 1}\n\n{\"a\": }\n"),
            "row 1: line 3: it is no JSON at column 7: expected value"
        );
        assert!(refused(b"{\"a\": 1} {\"a\": 2}\n").ends_with(": trailing characters"));
        assert_eq!(
            refused(b"[{\"a\": 1}]\n"),
            "row 0: line 1: invalid type: sequence, expected one JSON object"
        );
        assert_eq!(refused(b"{\"a\": \"\xe9\"}\n"), "row 0: line 1: it is not UTF-8");
        assert_eq!(refused(b"\n\n"), "it is empty, expected one JSON object a line");
        assert_eq!(refused(b"\x1f\x8b\x08"), "it is compressed with gzip, unpack it first");
    }

    #[test]
    fn nested_values_are_named() {
        let message = "row 1: line 2: column 'b' holds lists or records, expected single values";
        assert_eq!(refused(b"{\"a\": 1}\n{\"a\": 1, \"b\": [1]}\n"), message);
        assert_eq!(refused(b"{\"a\": 1}\n{\"a\": 1, \"b\": {\"c\": 1}}\n"), message);
    }
}
