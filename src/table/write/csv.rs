//! CSV as RFC 4180 has it, with a header. What is missing is empty; an empty text is `""`.

use std::io::Write;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;

use super::ndjson;
use super::text::{Column, arrays, list};

pub(super) fn head(schema: &Schema) -> Vec<u8> {
    let mut out = Vec::new();
    for (place, field) in schema.fields().iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        cell(&mut out, field.name());
    }
    out.push(b'\n');
    out
}

pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let arrays = arrays(batch)?;
    let columns = arrays.iter().map(Column::new).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|error| error.to_string())?;
    let has_nulls: Vec<bool> = columns.iter().map(Column::has_nulls).collect();
    let mut out = Vec::with_capacity(batch.num_rows() * columns.len() * 10);
    for row in 0..batch.num_rows() {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if !(has_nulls[place] && column.is_null(row)) {
                value(&mut out, column, row)?;
            } else if columns.len() == 1 {
                // Readers pass over blank lines.
                cell(&mut out, "");
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn value(out: &mut Vec<u8>, column: &Column, row: usize) -> Result<(), String> {
    match column {
        Column::Text(array) => cell(out, array.value(row)),
        Column::Single(array) => number(out, array.value(row)),
        Column::Double(array) => number(out, array.value(row)),
        Column::Whole(array) => {
            add(out, itoa::Buffer::new().format(array.value(row)).as_bytes());
        }
        Column::Truth(array) => {
            out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
        }
        Column::Other(_, formatter) => {
            let text = formatter.value(row).try_to_string();
            cell(out, &text.map_err(|error| error.to_string())?);
        }
        Column::List(array) => cell(out, &json(array, row)?),
    }
    Ok(())
}

fn number<T: zmij::Float>(out: &mut Vec<u8>, value: T) {
    add(out, zmij::Buffer::new().format(value).as_bytes());
}

/// Short texts by their ends, which overlap in the middle: copies of a known length need no call.
#[inline]
fn add(out: &mut Vec<u8>, bytes: &[u8]) {
    fn ends<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
        let (first, last) = (bytes.first_chunk::<N>()?, bytes.last_chunk::<N>()?);
        let end = out.len() + bytes.len();
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
        Some(())
    }
    let added = match bytes.len() {
        4..=8 => ends::<4>(out, bytes),
        9..=16 => ends::<8>(out, bytes),
        _ => None,
    };
    if added.is_none() {
        out.extend_from_slice(bytes);
    }
}

fn json(array: &ArrayRef, row: usize) -> Result<String, String> {
    let mut out = Vec::new();
    ndjson::array(&mut out, &list(array, row))?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn cell(out: &mut Vec<u8>, text: &str) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    if !bytes.is_empty() && !bytes.iter().any(special) {
        add(out, bytes);
        return;
    }
    out.push(b'"');
    for part in bytes.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    // Nothing can fail in memory.
    let _ = out.write_all(b"\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_added_whole() {
        let text: Vec<u8> = (b'a'..=b'z').collect();
        for length in 0..text.len() {
            let mut out = b"before".to_vec();
            add(&mut out, &text[..length]);
            assert_eq!(out, [b"before", &text[..length]].concat());
        }
    }
}
