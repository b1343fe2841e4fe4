//! What cells become in a tensor.

use std::ops::Range;

use half::f16;

use crate::table::Cell;
use crate::tensor::json::{short_f32, short_f64, short_i64};
use crate::tensor::{CompactString, Element};

/// An element that cells become.
pub(super) trait FromCell: Element + Default {
    fn of_cell(cell: &Cell) -> Option<Self>;

    /// The quick way for cells that are written as nearly all are.
    #[inline]
    fn of_text(_text: &str, _cell: Range<usize>) -> Option<Self> {
        None
    }

    /// Whether cells may be read as numbers first.
    const IS_NUMBER: bool = false;

    /// What such a number is; NaN is of an empty cell.
    #[inline]
    fn of_number(_number: f64) -> Option<Self> {
        None
    }
}

impl FromCell for bool {
    fn of_cell(cell: &Cell) -> Option<Self> {
        match cell.whole() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        }
    }
}

macro_rules! whole {
    ($($rust:ty),*) => {
        $(impl FromCell for $rust {
            fn of_cell(cell: &Cell) -> Option<Self> {
                <$rust>::try_from(cell.whole()?).ok()
            }

            #[inline]
            fn of_text(text: &str, cell: Range<usize>) -> Option<Self> {
                <$rust>::try_from(short_i64(text.as_bytes(), cell)?).ok()
            }

            const IS_NUMBER: bool = true;

            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "it has eight digits at most")]
            fn of_number(number: f64) -> Option<Self> {
                let whole = number as i64;
                #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "it is exact")]
                let is_whole = whole as f64 == number;
                is_whole.then(|| <$rust>::try_from(whole).ok()).flatten()
            }
        })*
    };
}

whole!(u8, u16, u32, u64, i8, i16, i32, i64);

impl FromCell for f16 {
    fn of_cell(cell: &Cell) -> Option<Self> {
        cell.number().map(Self::from_f64)
    }

    const IS_NUMBER: bool = true;

    #[inline]
    fn of_number(number: f64) -> Option<Self> {
        Some(Self::from_f64(number))
    }
}

impl FromCell for f32 {
    fn of_cell(cell: &Cell) -> Option<Self> {
        cell.single()
    }

    #[inline]
    fn of_text(text: &str, cell: Range<usize>) -> Option<Self> {
        short_f32(text.as_bytes(), cell)
    }

    const IS_NUMBER: bool = true;

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the model asks for single precision")]
    fn of_number(number: f64) -> Option<Self> {
        Some(number as Self)
    }
}

impl FromCell for f64 {
    fn of_cell(cell: &Cell) -> Option<Self> {
        cell.number()
    }

    #[inline]
    fn of_text(text: &str, cell: Range<usize>) -> Option<Self> {
        short_f64(text.as_bytes(), cell)
    }

    const IS_NUMBER: bool = true;

    #[inline]
    fn of_number(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl FromCell for CompactString {
    fn of_cell(cell: &Cell) -> Option<Self> {
        Some(cell.text())
    }

    #[inline]
    fn of_text(text: &str, cell: Range<usize>) -> Option<Self> {
        Some(Self::from(&text[cell]))
    }
}
