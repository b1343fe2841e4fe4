//! One JSON object a line. What is missing is null, and so is what JSON has no number for.

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::text::{Column, list};
use crate::tensor::json::{write_key, write_string};

pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let columns = batch.columns().iter().map(Column::new).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|error| error.to_string())?;
    let keys: Vec<Vec<u8>> =
        batch.schema().fields().iter().map(|field| write_key(field.name())).collect();
    let mut out = Vec::with_capacity(batch.num_rows() * columns.len() * 20);
    for row in 0..batch.num_rows() {
        let mut before = b'{';
        for (key, column) in keys.iter().zip(&columns) {
            out.push(before);
            out.extend_from_slice(key);
            value(&mut out, column, row)?;
            before = b',';
        }
        out.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
    }
    Ok(out)
}

fn value(out: &mut Vec<u8>, column: &Column, row: usize) -> Result<(), String> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match column {
        Column::Text(array) => write_string(out, array.value(row)),
        Column::Single(array) => number(out, array.value(row), array.value(row).is_finite()),
        Column::Double(array) => number(out, array.value(row), array.value(row).is_finite()),
        Column::Whole(array) => {
            out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes());
        }
        Column::Truth(array) => {
            out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
        }
        Column::Other(array, formatter) => {
            let text = formatter.value(row).try_to_string().map_err(|error| error.to_string())?;
            // Dates and decimals are texts: no reader of JSON keeps all digits of a number.
            if array.data_type().is_integer() {
                out.extend_from_slice(text.as_bytes());
            } else {
                write_string(out, &text);
            }
        }
        Column::List(values) => array(out, &list(values, row))?,
    }
    Ok(())
}

fn number<T: zmij::Float>(out: &mut Vec<u8>, value: T, is_finite: bool) {
    let mut buffer = zmij::Buffer::new();
    out.extend_from_slice(if is_finite { buffer.format(value).as_bytes() } else { b"null" });
}

/// All values as an array.
pub(super) fn array(out: &mut Vec<u8>, values: &ArrayRef) -> Result<(), String> {
    let column = Column::new(values).map_err(|error| error.to_string())?;
    out.push(b'[');
    for row in 0..values.len() {
        if row > 0 {
            out.push(b',');
        }
        value(out, &column, row)?;
    }
    out.push(b']');
    Ok(())
}
