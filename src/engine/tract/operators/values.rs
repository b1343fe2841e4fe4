//! What operators read and write.

use std::borrow::Cow;

use tract_onnx::prelude::tract_ndarray::{ArrayD, IxDyn};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TDim, bail, format_err};

/// The types that most operators of ai.onnx.ml take.
pub(super) const NUMBERS: [DatumType; 4] =
    [DatumType::F32, DatumType::F64, DatumType::I64, DatumType::I32];

/// The values as `T`; a copy if they have another type of number.
pub(super) fn numbers<T: Datum + Copy>(value: &TValue) -> TractResult<Cow<'_, [T]>> {
    if value.datum_type() == T::datum_type() {
        return Ok(Cow::Borrowed(slice(value)?));
    }
    let cast = value.cast_to::<T>()?.into_owned();
    Ok(Cow::Owned(slice::<T>(&cast)?.to_vec()))
}

/// Columns that an attribute may ask for. A failed allocation would end the process.
pub(super) const MAX_COLUMNS: usize = 1 << 24;

/// Cells of one output, for the same reason.
const MAX_CELLS: usize = 1 << 31;

/// A number of columns out of an attribute.
pub(super) fn width(attribute: &str, given: i64) -> TractResult<usize> {
    let width = usize::try_from(given).ok().filter(|width| (1..=MAX_COLUMNS).contains(width));
    width.ok_or_else(|| {
        format_err!("attribute '{attribute}' is {given}, expected 1 to {MAX_COLUMNS}")
    })
}

/// Cells of a table of scores.
pub(super) fn cells(rows: usize, columns: usize) -> TractResult<usize> {
    let cells = rows.checked_mul(columns).filter(|cells| *cells <= MAX_CELLS);
    cells.ok_or_else(|| format_err!("{rows} rows of {columns} columns are too many"))
}

/// The nearest float32, which is what most operators answer with.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
pub(super) fn narrow(x: f64) -> f32 {
    x as f32
}

/// The strings of a string tensor.
pub(super) fn strings(value: &TValue) -> TractResult<&[String]> {
    slice(value)
}

/// The values of a tensor that has this type.
pub(super) fn slice<T: Datum>(tensor: &Tensor) -> TractResult<&[T]> {
    tensor.as_plain_ram().and_then(|plain| plain.as_slice::<T>().ok()).ok_or_else(|| {
        format_err!("expected {:?}, came {:?}", T::datum_type(), tensor.datum_type())
    })
}

/// A tensor of this shape.
pub(super) fn tensor<T: Datum>(shape: &[usize], values: Vec<T>) -> TractResult<TValue>
where
    ArrayD<T>: IntoTensor,
{
    Ok(ArrayD::from_shape_vec(IxDyn(shape), values)?.into_tensor().into_tvalue())
}

/// Rows and columns of a matrix; a vector is one row, as in onnxruntime.
pub(super) fn matrix(shape: &[usize]) -> TractResult<(usize, usize)> {
    match *shape {
        [columns] => Ok((1, columns)),
        [rows, columns] => Ok((rows, columns)),
        _ => bail!("expected one or two dimensions, came {}", shape.len()),
    }
}

/// The same for shapes that may hold symbols.
pub(super) fn matrix_dims(dims: &[TDim]) -> TractResult<(TDim, TDim)> {
    match dims {
        [columns] => Ok((1.into(), columns.clone())),
        [rows, columns] => Ok((rows.clone(), columns.clone())),
        _ => bail!("expected one or two dimensions, came {}", dims.len()),
    }
}

/// # Errors
/// Unless the type is among these.
pub(super) fn expect_type(found: DatumType, expected: &[DatumType]) -> TractResult<()> {
    if expected.contains(&found) {
        return Ok(());
    }
    bail!("expected one of {expected:?}, came {found:?}")
}
