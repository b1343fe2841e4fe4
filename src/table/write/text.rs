//! Values as texts have them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};

/// A column that is written row by row.
pub(super) enum Column<'a> {
    Text(&'a arrow_array::StringArray),
    Single(&'a arrow_array::Float32Array),
    Double(&'a arrow_array::Float64Array),
    Whole(&'a arrow_array::Int64Array),
    Truth(&'a arrow_array::BooleanArray),
    /// Written as the library for Arrow does: dates by ISO 8601, decimals with all digits.
    Other(&'a ArrayRef, ArrayFormatter<'a>),
    /// Several values a row.
    List(&'a ArrayRef),
}

/// Missing values are empty, and so nothing.
const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

/// The columns of a batch as texts can have them: times with a zone are those of UTC, since zones
/// have names that only a calendar knows.
pub(super) fn arrays(batch: &RecordBatch) -> Result<Vec<ArrayRef>, String> {
    let array = |array: &ArrayRef| match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast(array, &utc).map_err(|error| error.to_string())
        }
        _ => Ok(Arc::clone(array)),
    };
    batch.columns().iter().map(array).collect()
}

impl<'a> Column<'a> {
    pub(super) fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Float32 => Self::Single(array.as_primitive::<Float32Type>()),
            DataType::Float64 => Self::Double(array.as_primitive::<Float64Type>()),
            DataType::Int64 => Self::Whole(array.as_primitive::<Int64Type>()),
            DataType::Boolean => Self::Truth(array.as_boolean()),
            DataType::FixedSizeList(..) | DataType::List(_) | DataType::LargeList(_) => {
                Self::List(array)
            }
            _ => Self::Other(array, ArrayFormatter::try_new(array, &OPTIONS)?),
        })
    }

    /// Whether [`Self::is_null`] may say so of a row.
    pub(super) fn has_nulls(&self) -> bool {
        match self {
            Self::Text(array) => array.null_count() > 0,
            Self::Single(array) => array.null_count() > 0,
            Self::Double(array) => array.null_count() > 0,
            Self::Whole(array) => array.null_count() > 0,
            Self::Truth(array) => array.null_count() > 0,
            Self::Other(..) | Self::List(_) => true,
        }
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Text(array) => array.is_null(row),
            Self::Single(array) => array.is_null(row),
            Self::Double(array) => array.is_null(row),
            Self::Whole(array) => array.is_null(row),
            Self::Truth(array) => array.is_null(row),
            // Of columns that hold nothing, `is_null` says that they do.
            Self::Other(array, _) => array.is_null(row) || *array.data_type() == DataType::Null,
            Self::List(array) => array.is_null(row),
        }
    }
}

/// The values of one row of lists.
pub(super) fn list(array: &ArrayRef, row: usize) -> ArrayRef {
    match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => array.as_fixed_size_list().value(row),
    }
}
