//! From columns, as Arrow and Parquet hold them, to rows.

use std::fmt::Display;
use std::vec;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float16Type, Float32Type, Float64Type,
};
use arrow_array::{
    Array, PrimitiveArray, RecordBatch, downcast_integer_array, downcast_temporal_array,
};
use arrow_schema::{DataType, Schema};
use arrow_select::take::take;

use super::{Cell, Progress, Table, damaged};
use crate::engine::guard;
use crate::tensor::{CompactString, format_compact};

/// Rows that become cells together.
pub(super) const AT_ONCE: usize = 1024;

/// A table out of batches of this schema.
pub(super) fn table<B>(schema: &Schema, batches: B, progress: Progress) -> Table
where
    B: Iterator<Item = Result<RecordBatch, String>> + Send + 'static,
{
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    let rows =
        Batches { coming: Some(batches), left: None, rows: Vec::new().into_iter(), first: 0 };
    Table { columns, rows: Box::new(rows), progress }
}

struct Batches<B> {
    /// `None` after the end or an error.
    coming: Option<B>,
    /// What is left of the last one.
    left: Option<RecordBatch>,
    rows: vec::IntoIter<Vec<Cell>>,
    /// The number of the first row that is not in `rows` yet.
    first: usize,
}

impl<B: Iterator<Item = Result<RecordBatch, String>>> Iterator for Batches<B> {
    type Item = Result<Vec<Cell>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            // The decoders panic on some of the damage that a file may have.
            let more = guard::catch(|| self.more());
            let more = more.unwrap_or_else(|caught| Err(Bad::new(0, damaged(caught))));
            if !matches!(more, Ok(true)) {
                // What comes behind the end is no batch, and behind an error nothing is certain.
                (self.coming, self.left) = (None, None);
            }
            match more {
                Ok(true) => {}
                Ok(false) => return None,
                Err(bad) => {
                    return Some(Err(format!("row {}: {}", self.first + bad.row, bad.reason)));
                }
            }
        }
    }
}

impl<B: Iterator<Item = Result<RecordBatch, String>>> Batches<B> {
    /// Makes rows of what comes next; `false` at the end.
    fn more(&mut self) -> Result<bool, Bad> {
        let next = match self.left.take() {
            Some(rest) => Some(Ok(rest)),
            None => self.coming.as_mut().and_then(Iterator::next),
        };
        let Some(batch) = next else { return Ok(false) };
        self.cut(&batch.map_err(|reason| Bad::new(0, reason))?)?;
        Ok(true)
    }

    fn cut(&mut self, batch: &RecordBatch) -> Result<(), Bad> {
        let rows = batch.num_rows().min(AT_ONCE);
        self.rows = rows_of(&batch.slice(0, rows))?.into_iter();
        let left = batch.num_rows() - rows;
        self.left = (left > 0).then(|| batch.slice(rows, left));
        self.first += rows;
        Ok(())
    }
}

/// A value that is no cell.
struct Bad {
    row: usize,
    reason: String,
}

impl Bad {
    fn new(row: usize, reason: impl Into<String>) -> Self {
        Self { row, reason: reason.into() }
    }
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Vec<Cell>>, Bad> {
    let row = || Vec::with_capacity(batch.num_columns());
    let mut rows: Vec<Vec<Cell>> = (0..batch.num_rows()).map(|_| row()).collect();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let cells = cells(column).map_err(|bad| {
            Bad::new(bad.row, format!("column '{}' {}", field.name(), bad.reason))
        })?;
        rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
    }
    Ok(rows)
}

/// All values of a column.
///
/// # Errors
/// What it holds instead of cells.
pub(super) fn column(array: &dyn Array) -> Result<Vec<Cell>, String> {
    cells(array).map_err(|bad| bad.reason)
}

fn cells(array: &dyn Array) -> Result<Vec<Cell>, Bad> {
    downcast_integer_array!(
        array => Ok(wholes(array)),
        DataType::Null => Ok(vec![Cell::Missing; array.len()]),
        DataType::Boolean => {
            let cell = |value| Cell::Whole(i64::from(value));
            Ok(array.as_boolean().iter().map(|value| value.map_or(Cell::Missing, cell)).collect())
        },
        DataType::Float16 => Ok(numbers::<Float16Type>(array)),
        DataType::Float32 => Ok(numbers::<Float32Type>(array)),
        DataType::Float64 => Ok(numbers::<Float64Type>(array)),
        DataType::Utf8 => Ok(texts(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Ok(texts(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(texts(array.as_string_view().iter())),
        DataType::Binary => bytes(array.as_binary::<i32>().iter()),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().iter()),
        DataType::BinaryView => bytes(array.as_binary_view().iter()),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().iter()),
        DataType::Decimal32(..) => Ok(decimals::<Decimal32Type>(array)),
        DataType::Decimal64(..) => Ok(decimals::<Decimal64Type>(array)),
        DataType::Decimal128(..) => Ok(decimals::<Decimal128Type>(array)),
        DataType::Decimal256(..) => Ok(decimals::<Decimal256Type>(array)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = take(dictionary.values(), dictionary.keys(), None);
            cells(&values.map_err(|error| Bad::new(0, format!("is no dictionary: {error}")))?)
        },
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => {
            Err(Bad::new(0, "holds lists or records, expected single values"))
        },
        // Dates and times count their own units.
        _ => downcast_temporal_array!(
            array => Ok(wholes(array)),
            other => Err(Bad::new(0, format!("is {other}, expected numbers, texts or times"))),
        ),
    )
}

fn wholes<T>(array: &PrimitiveArray<T>) -> Vec<Cell>
where
    T: ArrowPrimitiveType<Native: Display>,
    i64: TryFrom<T::Native>,
{
    let cell = |value: T::Native| {
        let text = |_| Cell::Text(format_compact!("{value}"));
        i64::try_from(value).map_or_else(text, Cell::Whole)
    };
    array.iter().map(|value| value.map_or(Cell::Missing, cell)).collect()
}

fn numbers<T: ArrowPrimitiveType<Native: Into<f64>>>(array: &dyn Array) -> Vec<Cell> {
    let cell = |value: T::Native| Cell::Number(value.into());
    array.as_primitive::<T>().iter().map(|value| value.map_or(Cell::Missing, cell)).collect()
}

/// Texts, which keep all digits.
fn decimals<T: DecimalType>(array: &dyn Array) -> Vec<Cell> {
    let array = array.as_primitive::<T>();
    let cell = |row| Cell::Text(array.value_as_string(row).into());
    let cell = |row| if array.is_null(row) { Cell::Missing } else { cell(row) };
    (0..array.len()).map(cell).collect()
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Vec<Cell> {
    let cell = |text| Cell::Text(CompactString::from(text));
    values.map(|text| text.map_or(Cell::Missing, cell)).collect()
}

fn bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Vec<Cell>, Bad> {
    let cell = |(row, bytes): (usize, Option<&[u8]>)| {
        let Some(bytes) = bytes else { return Ok(Cell::Missing) };
        let text = str::from_utf8(bytes).map_err(|_| Bad::new(row, "holds bytes that are no text"));
        Ok(Cell::Text(text?.into()))
    };
    values.enumerate().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder};
    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float16Array,
        IntervalYearMonthArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
    };
    use half::f16;

    use super::*;

    fn read(column: ArrayRef) -> Result<Vec<Cell>, String> {
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let schema = batch.schema();
        let table = table(&schema, std::iter::once(Ok(batch)), Progress::of(0));
        assert_eq!(table.columns, ["x"]);
        table.rows.map(|row| row.map(|mut cells| cells.remove(0))).collect()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    #[test]
    fn values_of_every_kind_become_cells() {
        let dictionary: DictionaryArray<arrow_array::types::Int8Type> =
            [Some("b"), None, Some("a"), Some("b")].into_iter().collect();
        let decimals =
            Decimal128Array::from(vec![Some(-1205), None]).with_precision_and_scale(6, 2).unwrap();
        let columns: [(ArrayRef, Vec<Cell>); 7] = [
            (
                Arc::new(UInt64Array::from(vec![1, u64::MAX])),
                vec![Cell::Whole(1), text("18446744073709551615")],
            ),
            (Arc::new(Float16Array::from(vec![f16::from_f32(0.5)])), vec![Cell::Number(0.5)]),
            (
                Arc::new(Date32Array::from(vec![Some(15_000), None])),
                vec![Cell::Whole(15_000), Cell::Missing],
            ),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![7]).with_timezone("UTC")),
                vec![Cell::Whole(7)],
            ),
            (Arc::new(decimals), vec![text("-12.05"), Cell::Missing]),
            (
                Arc::new(StringViewArray::from(vec!["a text of more than twelve bytes"])),
                vec![text("a text of more than twelve bytes")],
            ),
            (Arc::new(dictionary), vec![text("b"), Cell::Missing, text("a"), text("b")]),
        ];
        for (column, expected) in columns {
            let data_type = column.data_type().clone();
            assert_eq!(read(column).as_ref(), Ok(&expected), "{data_type}");
        }
    }

    #[test]
    fn what_is_no_cell_names_row_and_column() {
        let binary = BinaryArray::from(vec![Some(&b"text"[..]), None, Some(b"\xe9")]);
        assert_eq!(
            read(Arc::new(binary)).unwrap_err(),
            "row 2: column 'x' holds bytes that are no text"
        );
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(1)]);
        assert_eq!(
            read(Arc::new(lists.finish())).unwrap_err(),
            "row 0: column 'x' holds lists or records, expected single values"
        );
        let intervals = IntervalYearMonthArray::from(vec![1]);
        let message = read(Arc::new(intervals)).unwrap_err();
        assert!(message.starts_with("row 0: column 'x' is Interval("), "{message}");
    }
}
