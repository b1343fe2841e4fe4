//! From the columns of a chunk to the inputs of a model.
//!
//! A cell that is no value of its input is told of and becomes a nought: whoever asked decides
//! what is done with its row.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType as ArrowType;
use half::f16;

use super::chunk::{Chunk, Column, Texts};
use super::rows::{Input, Rows};
use super::{Cell, batches};
use crate::tensor::json::{Decimals, TOGETHER, short_f32, short_f64, short_i64};
use crate::tensor::{CompactString, Data, DataType, Element, Shape, Tensor};

/// Cells of a column that are read as numbers at once, in groups of [`TOGETHER`].
const GROUPS: usize = 8;

/// A cell that is no value of its input.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongCell {
    /// In the chunk.
    pub row: usize,
    pub column: String,
    pub wrong: Wrong,
    pub expected: String,
    /// What came, as messages repeat it.
    pub came: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// There is nothing, and the type has nothing to say so.
    Missing,
    Type,
}

impl Rows<'_> {
    /// The inputs for these rows, in the order of the signature.
    ///
    /// # Errors
    /// A column cannot hold inputs at all.
    pub fn read(&self, chunk: &Chunk, wrong: &mut Vec<WrongCell>) -> Result<Vec<Tensor>, String> {
        self.inputs.iter().map(|input| self.input(input, chunk, wrong)).collect()
    }

    fn input(
        &self,
        input: &Input,
        chunk: &Chunk,
        wrong: &mut Vec<WrongCell>,
    ) -> Result<Tensor, String> {
        let mut reading = Reading { columns: &self.columns, input, chunk, wrong };
        let data = match input.spec.data_type {
            DataType::Bool => reading.all::<bool>(),
            DataType::Uint8 => reading.all::<u8>(),
            DataType::Uint16 => reading.all::<u16>(),
            DataType::Uint32 => reading.all::<u32>(),
            DataType::Uint64 => reading.all::<u64>(),
            DataType::Int8 => reading.all::<i8>(),
            DataType::Int16 => reading.all::<i16>(),
            DataType::Int32 => reading.all::<i32>(),
            DataType::Int64 => reading.all::<i64>(),
            DataType::Fp16 => reading.all::<f16>(),
            DataType::Fp32 => reading.all::<f32>(),
            DataType::Fp64 => reading.all::<f64>(),
            DataType::Bytes => reading.all::<CompactString>(),
        }?;
        let mut dims = vec![chunk.rows];
        if !input.is_vector {
            dims.push(input.places.len());
        }
        let shape = Shape::new(dims).map_err(|error| error.to_string())?;
        Tensor::new(shape, data).map_err(|error| error.to_string())
    }
}

/// An element that cells become.
trait FromCell: Element + Default {
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

/// One input on its way.
struct Reading<'a> {
    columns: &'a [String],
    input: &'a Input<'a>,
    chunk: &'a Chunk,
    wrong: &'a mut Vec<WrongCell>,
}

impl Reading<'_> {
    fn all<T: FromCell>(&mut self) -> Result<Data, String>
    where
        Data: From<Vec<T>>,
    {
        let (rows, width) = (self.chunk.rows, self.input.places.len());
        if let [Some(place)] = *self.input.places {
            let mut values = Vec::with_capacity(rows);
            self.column(place, |_, value| values.push(value))?;
            return Ok(values.into());
        }
        let mut values = vec![T::default(); rows * width];
        for (column, place) in self.input.places.iter().enumerate() {
            if let Some(place) = *place {
                self.column(place, |row, value| values[row * width + column] = value)?;
            }
        }
        Ok(values.into())
    }

    /// Every row's value of a column of the file.
    fn column<T: FromCell>(
        &mut self,
        place: usize,
        mut put: impl FnMut(usize, T),
    ) -> Result<(), String> {
        match &self.chunk.columns[place] {
            Column::Text(texts, column) if T::IS_NUMBER => {
                self.numbers(place, texts, *column, &mut put);
            }
            Column::Text(texts, column) => {
                for (row, cell) in texts.spans(*column).enumerate() {
                    put(row, self.of_text(place, texts, row, cell).unwrap_or_default());
                }
            }
            Column::Cells(cells) => self.cells(place, cells.iter().cloned(), put),
            Column::Array(array) => return self.array(place, array, put),
        }
        Ok(())
    }

    /// Cells of a text, many at a time where they are short decimals.
    fn numbers<T: FromCell>(
        &mut self,
        place: usize,
        texts: &Texts,
        column: usize,
        put: &mut impl FnMut(usize, T),
    ) {
        let rows = self.chunk.rows;
        for first in (0..rows).step_by(TOGETHER * GROUPS) {
            let mut found = [Decimals::default(); GROUPS];
            let groups = (rows - first).div_ceil(TOGETHER).min(GROUPS);
            texts.numbers(column, first, &mut found[..groups]);
            for (decimals, row) in found[..groups].iter().zip((first..).step_by(TOGETHER)) {
                for at in 0..(rows - row).min(TOGETHER) {
                    let (row, number) = (row + at, decimals.get(at));
                    let value = number
                        .and_then(T::of_number)
                        .or_else(|| self.of_text(place, texts, row, texts.span(row, column)));
                    put(row, value.unwrap_or_default());
                }
            }
        }
    }

    /// The value of a cell of a text.
    #[inline]
    fn of_text<T: FromCell>(
        &mut self,
        place: usize,
        texts: &Texts,
        row: usize,
        cell: Range<usize>,
    ) -> Option<T> {
        let value = T::of_text(&texts.text, cell.clone());
        value.or_else(|| self.other(place, row, &text(&texts.text[cell])))
    }

    fn cells<T: FromCell>(
        &mut self,
        place: usize,
        cells: impl Iterator<Item = Cell>,
        mut put: impl FnMut(usize, T),
    ) {
        for (row, cell) in cells.enumerate() {
            put(row, self.other(place, row, &cell).unwrap_or_default());
        }
    }

    fn array<T: FromCell>(
        &mut self,
        place: usize,
        array: &ArrayRef,
        put: impl FnMut(usize, T),
    ) -> Result<(), String> {
        match array.data_type() {
            ArrowType::Int8 => self.cells(place, whole::<Int8Type>(array), put),
            ArrowType::Int16 => self.cells(place, whole::<Int16Type>(array), put),
            ArrowType::Int32 => self.cells(place, whole::<Int32Type>(array), put),
            ArrowType::Int64 => self.cells(place, whole::<Int64Type>(array), put),
            ArrowType::UInt8 => self.cells(place, whole::<UInt8Type>(array), put),
            ArrowType::UInt16 => self.cells(place, whole::<UInt16Type>(array), put),
            ArrowType::UInt32 => self.cells(place, whole::<UInt32Type>(array), put),
            ArrowType::Float32 => self.cells(place, number::<Float32Type>(array), put),
            ArrowType::Float64 => self.cells(place, number::<Float64Type>(array), put),
            ArrowType::Utf8 => self.cells(place, texts(array.as_string::<i32>().iter()), put),
            ArrowType::LargeUtf8 => self.cells(place, texts(array.as_string::<i64>().iter()), put),
            ArrowType::Utf8View => self.cells(place, texts(array.as_string_view().iter()), put),
            _ => {
                let cells = batches::column(array);
                let cells =
                    cells.map_err(|bad| format!("column '{}' {bad}", self.columns[place]))?;
                self.cells(place, cells.into_iter(), put);
            }
        }
        Ok(())
    }

    /// The slow way, which also finds out that a cell is wrong.
    #[inline]
    fn other<T: FromCell>(&mut self, place: usize, row: usize, cell: &Cell) -> Option<T> {
        let value = T::of_cell(cell);
        if value.is_none() {
            self.is_wrong(place, row, cell);
        }
        value
    }

    #[cold]
    fn is_wrong(&mut self, place: usize, row: usize, cell: &Cell) {
        let spec = self.input.spec;
        self.wrong.push(WrongCell {
            row,
            column: self.columns[place].clone(),
            wrong: if cell.is_missing() { Wrong::Missing } else { Wrong::Type },
            expected: format!("{} for input '{}'", spec.data_type, spec.name),
            came: cell.describe(),
        });
    }
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Missing } else { Cell::Text(text.into()) }
}

fn whole<T: ArrowPrimitiveType<Native: Into<i64>>>(
    array: &ArrayRef,
) -> impl Iterator<Item = Cell> + '_ {
    let values = array.as_primitive::<T>().iter();
    values.map(|value| value.map_or(Cell::Missing, |value| Cell::Whole(value.into())))
}

fn number<T: ArrowPrimitiveType<Native: Into<f64>>>(
    array: &ArrayRef,
) -> impl Iterator<Item = Cell> + '_ {
    let values = array.as_primitive::<T>().iter();
    values.map(|value| value.map_or(Cell::Missing, |value| Cell::Number(value.into())))
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> impl Iterator<Item = Cell> {
    values.map(|text| text.map_or(Cell::Missing, |text| Cell::Text(text.into())))
}
