//! Columns on their way from a file or a model to a file.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt32Builder};
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    new_empty_array,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat;
use arrow_select::take::take;
use half::f16;

use super::chunk::{Chunk, Column};
use super::{Cell, Pieces};
use crate::tensor::{CompactString, Data, DataType as Element, Tensor};

/// What a column of a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnType(pub(super) DataType);

/// Values of one column.
#[derive(Debug, Clone)]
pub struct Values(pub(super) ArrayRef);

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ColumnType {
    #[must_use]
    pub fn text() -> Self {
        Self(DataType::Utf8)
    }

    /// Whether every format has a place for it: dictionaries within lists and records have none.
    #[must_use]
    pub fn can_be_written(&self) -> bool {
        fn holds_dictionary(kind: &DataType) -> bool {
            match kind {
                DataType::Dictionary(..) => true,
                DataType::List(item)
                | DataType::LargeList(item)
                | DataType::ListView(item)
                | DataType::LargeListView(item)
                | DataType::FixedSizeList(item, _)
                | DataType::Map(item, _) => holds_dictionary(item.data_type()),
                DataType::Struct(fields) => {
                    fields.iter().any(|field| holds_dictionary(field.data_type()))
                }
                _ => false,
            }
        }
        !holds_dictionary(&self.0)
    }

    /// Of values that a model gives.
    #[must_use]
    pub fn of(element: Element) -> Self {
        Self(match element {
            Element::Bool => DataType::Boolean,
            Element::Uint8 => DataType::UInt8,
            Element::Uint16 => DataType::UInt16,
            Element::Uint32 => DataType::UInt32,
            Element::Uint64 => DataType::UInt64,
            Element::Int8 => DataType::Int8,
            Element::Int16 => DataType::Int16,
            Element::Int32 => DataType::Int32,
            Element::Int64 => DataType::Int64,
            // Hardly a reader of files knows half precision.
            Element::Fp16 | Element::Fp32 => DataType::Float32,
            Element::Fp64 => DataType::Float64,
            Element::Bytes => DataType::Utf8,
        })
    }

    /// So many of them in each row.
    #[must_use]
    pub fn list(self, length: usize) -> Self {
        let item = Arc::new(Field::new_list_field(self.0, true));
        Self(DataType::FixedSizeList(item, i32::try_from(length).unwrap_or(i32::MAX)))
    }
}

impl Pieces {
    /// What a column holds.
    #[must_use]
    pub fn column_type(&self, column: usize) -> ColumnType {
        ColumnType(self.field(column).data_type().clone())
    }
}

impl Chunk {
    /// The values of a column as they are in the file, and the rows whose values are none of the
    /// column's type.
    ///
    /// # Errors
    /// Nothing can be made of the column.
    pub fn values(&self, column: usize, kind: &ColumnType) -> Result<(Values, Vec<usize>), String> {
        let mut wrong = Vec::new();
        let array: ArrayRef = match &self.columns[column] {
            Column::Text(texts, column) => {
                let cell = |row| texts.get(row, *column);
                let cells = (0..self.rows).map(cell).map(|cell| (!cell.is_empty()).then_some(cell));
                Arc::new(cells.collect::<StringArray>())
            }
            Column::Cells(cells) => of_cells(cells, kind, &mut wrong),
            Column::Array(array) => match array.data_type() {
                own if *own == kind.0 => Arc::clone(array),
                DataType::Dictionary(..) => hydrated(array)?,
                DataType::Utf8View | DataType::BinaryView => {
                    cast(array, &kind.0).map_err(|error| error.to_string())?
                }
                other => return Err(format!("holds {other}, and {kind} before")),
            },
        };
        Ok((Values(array), wrong))
    }
}

fn hydrated(array: &ArrayRef) -> Result<ArrayRef, String> {
    use arrow_array::cast::AsArray;
    let dictionary = array.as_any_dictionary();
    take(dictionary.values(), dictionary.keys(), None).map_err(|error| error.to_string())
}

fn of_cells(cells: &[Cell], kind: &ColumnType, wrong: &mut Vec<usize>) -> ArrayRef {
    let mut check = |row: usize, cell: &Cell, found: bool| {
        if !found && !matches!(cell, Cell::Missing) {
            wrong.push(row);
        }
    };
    match kind.0 {
        DataType::Int64 => {
            let value = |(row, cell): (usize, &Cell)| {
                let whole = if let Cell::Whole(whole) = cell { Some(*whole) } else { None };
                check(row, cell, whole.is_some());
                whole
            };
            Arc::new(cells.iter().enumerate().map(value).collect::<Int64Array>())
        }
        DataType::Float64 => {
            let value = |(row, cell): (usize, &Cell)| {
                let is_text = matches!(cell, Cell::Text(_) | Cell::Missing);
                let number = if is_text { None } else { cell.number() };
                check(row, cell, number.is_some());
                number
            };
            Arc::new(cells.iter().enumerate().map(value).collect::<Float64Array>())
        }
        _ => {
            let text = |cell: &Cell| (!matches!(cell, Cell::Missing)).then(|| cell.text());
            Arc::new(cells.iter().map(text).collect::<StringArray>())
        }
    }
}

impl Values {
    /// Texts of rows.
    #[must_use]
    pub fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut builder = StringBuilder::new();
        texts.for_each(|text| builder.append_option(text));
        Self(Arc::new(builder.finish()))
    }

    #[must_use]
    pub fn wholes(numbers: impl Iterator<Item = i64>) -> Self {
        Self(Arc::new(Int64Array::from_iter_values(numbers)))
    }

    /// Of no rows.
    #[must_use]
    pub fn empty(kind: &ColumnType) -> Self {
        Self(new_empty_array(&kind.0))
    }

    /// This value of each row of a tensor that has `of` values a row.
    #[must_use]
    pub fn column(tensor: &Tensor, column: usize, of: usize) -> Self {
        Self(picked(tensor.data(), column, of.max(1)))
    }

    /// All values of each row of a tensor together.
    ///
    /// # Errors
    /// They are too many.
    pub fn lists(tensor: &Tensor) -> Result<Self, String> {
        let of = tensor.shape().row_elements();
        let kind = ColumnType::of(tensor.data_type());
        let item = Arc::new(Field::new_list_field(kind.0, true));
        let length = i32::try_from(of).map_err(|_| format!("a row has {of} values"))?;
        let all = picked(tensor.data(), 0, 1);
        let lists = FixedSizeListArray::try_new(item, length, all, None);
        lists.map(|lists| Self(Arc::new(lists))).map_err(|error| error.to_string())
    }

    /// The values of these rows, and nothing where there is none.
    ///
    /// # Errors
    /// Memory does not suffice.
    pub fn pick(&self, rows: &[Option<usize>]) -> Result<Self, String> {
        let mut picks = UInt32Builder::with_capacity(rows.len());
        let number = |row: usize| u32::try_from(row).ok();
        for row in rows {
            picks.append_option(row.and_then(number));
        }
        let taken = take(&self.0, &picks.finish(), None);
        taken.map(Self).map_err(|error| error.to_string())
    }

    /// All one after the other.
    ///
    /// # Errors
    /// They are of different types.
    pub fn join(parts: &[Self]) -> Result<Self, String> {
        if let [only] = parts {
            return Ok(only.clone());
        }
        let arrays: Vec<_> = parts.iter().map(|part| part.0.as_ref()).collect();
        concat(&arrays).map(Self).map_err(|error| error.to_string())
    }
}

/// Every `of`th value from this one on.
fn picked(data: &Data, from: usize, of: usize) -> ArrayRef {
    macro_rules! primitive {
        ($array:ident, $values:expr) => {
            Arc::new($array::from_iter_values($values.iter().skip(from).step_by(of).copied()))
        };
    }
    match data {
        Data::Bool(values) => {
            let values = values.iter().skip(from).step_by(of).copied();
            Arc::new(BooleanArray::from(values.collect::<Vec<bool>>()))
        }
        Data::Uint8(values) => primitive!(UInt8Array, values),
        Data::Uint16(values) => primitive!(UInt16Array, values),
        Data::Uint32(values) => primitive!(UInt32Array, values),
        Data::Uint64(values) => primitive!(UInt64Array, values),
        Data::Int8(values) => primitive!(Int8Array, values),
        Data::Int16(values) => primitive!(Int16Array, values),
        Data::Int32(values) => primitive!(Int32Array, values),
        Data::Int64(values) => primitive!(Int64Array, values),
        Data::Fp16(values) => {
            let values = values.iter().skip(from).step_by(of).map(|value| f16::to_f32(*value));
            Arc::new(Float32Array::from_iter_values(values))
        }
        Data::Fp32(values) => primitive!(Float32Array, values),
        Data::Fp64(values) => primitive!(Float64Array, values),
        Data::Bytes(values) => {
            let values = values.iter().skip(from).step_by(of).map(CompactString::as_str);
            Arc::new(StringArray::from_iter_values(values))
        }
    }
}
