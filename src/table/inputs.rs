//! From the columns of a chunk to the inputs of a model.
//!
//! A cell that is no value of its input is told of and becomes a nought: whoever asked decides
//! what is done with its row.

mod element;

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::DataType as ArrowType;
use half::f16;

use self::element::FromCell;
use super::chunk::{Chunk, Column, Texts};
use super::rows::{Input, Rows};
use super::{Cell, batches};
use crate::tensor::json::{Decimals, TOGETHER};
use crate::tensor::{CompactString, Data, DataType, Dictionary, Shape, Tensor};

/// Cells of a column that are read as numbers at once, in groups of [`TOGETHER`].
const GROUPS: usize = 8;

/// Columns with fewer texts are read text by text: to tell them apart would cost more.
const LEAST: usize = 256;

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
        let mut dims = vec![chunk.rows];
        if !input.is_vector {
            dims.push(input.places.len());
        }
        let shape = Shape::new(dims).map_err(|error| error.to_string())?;
        let mut reading = Reading { columns: &self.columns, input, chunk, wrong };
        if input.spec.data_type == DataType::Bytes
            && let Some(dictionary) = reading.dictionary()
        {
            return Tensor::of_dictionary(shape, dictionary).map_err(|error| error.to_string());
        }
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
        Tensor::new(shape, data).map_err(|error| error.to_string())
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
        if let [Some(place)] = *self.input.places {
            return Ok(self.column::<T>(place)?.into());
        }
        let width = self.input.places.len();
        let mut values = vec![T::default(); self.chunk.rows * width];
        for (column, place) in self.input.places.iter().enumerate() {
            if let Some(place) = *place {
                let rows = values.chunks_exact_mut(width);
                let read = self.column(place)?;
                rows.zip(read).for_each(|(row, value)| row[column] = value);
            }
        }
        Ok(values.into())
    }

    /// A column of texts of which many are the same.
    fn dictionary(&self) -> Option<Dictionary> {
        let [Some(place)] = *self.input.places else { return None };
        if self.chunk.rows < LEAST {
            return None;
        }
        match &self.chunk.columns[place] {
            Column::Text(texts, column) => {
                Dictionary::new(texts.spans(*column).map(|cell| &texts.text[cell]))
            }
            Column::Array(array) => match array.data_type() {
                ArrowType::Utf8 => dictionary(array.as_string::<i32>().iter()),
                ArrowType::LargeUtf8 => dictionary(array.as_string::<i64>().iter()),
                ArrowType::Utf8View => dictionary(array.as_string_view().iter()),
                _ => None,
            },
            Column::Cells(_) => None,
        }
    }

    /// Every row's value of a column of the file.
    fn column<T: FromCell>(&mut self, place: usize) -> Result<Vec<T>, String> {
        Ok(match &self.chunk.columns[place] {
            Column::Text(texts, column) if T::IS_NUMBER => self.numbers(place, texts, *column),
            Column::Text(texts, column) => {
                let cells = texts.spans(*column).map(|cell| Some(&texts.text[cell]));
                self.texts(place, cells, text)
            }
            Column::Cells(cells) => self.cells(place, cells.iter().cloned()),
            Column::Array(array) => return self.array(place, array),
        })
    }

    /// Cells of a text, many at a time where they are short decimals.
    fn numbers<T: FromCell>(&mut self, place: usize, texts: &Texts, column: usize) -> Vec<T> {
        let rows = self.chunk.rows;
        let mut values = Vec::with_capacity(rows);
        for first in (0..rows).step_by(TOGETHER * GROUPS) {
            let mut found = [Decimals::default(); GROUPS];
            let groups = (rows - first).div_ceil(TOGETHER).min(GROUPS);
            texts.numbers(column, first, &mut found[..groups]);
            for (decimals, row) in found[..groups].iter().zip((first..).step_by(TOGETHER)) {
                let count = (rows - row).min(TOGETHER);
                let all = decimals.all().map(|numbers| &numbers[..count]);
                if all.is_some_and(|numbers| quick(numbers, T::of_number, &mut values)) {
                    continue;
                }
                for at in 0..count {
                    let (row, number) = (row + at, decimals.get(at));
                    let value = number
                        .and_then(T::of_number)
                        .or_else(|| self.of_text(place, texts, row, texts.span(row, column)));
                    values.push(value.unwrap_or_default());
                }
            }
        }
        values
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

    fn cells<T: FromCell>(&mut self, place: usize, cells: impl Iterator<Item = Cell>) -> Vec<T> {
        let mut values = Vec::with_capacity(self.chunk.rows);
        for (row, cell) in cells.enumerate() {
            values.push(self.other(place, row, &cell).unwrap_or_default());
        }
        values
    }

    fn array<T: FromCell>(&mut self, place: usize, array: &ArrayRef) -> Result<Vec<T>, String> {
        Ok(match array.data_type() {
            ArrowType::Int8 => self.whole::<T, Int8Type>(place, array),
            ArrowType::Int16 => self.whole::<T, Int16Type>(place, array),
            ArrowType::Int32 => self.whole::<T, Int32Type>(place, array),
            ArrowType::Int64 => self.whole::<T, Int64Type>(place, array),
            ArrowType::UInt8 => self.whole::<T, UInt8Type>(place, array),
            ArrowType::UInt16 => self.whole::<T, UInt16Type>(place, array),
            ArrowType::UInt32 => self.whole::<T, UInt32Type>(place, array),
            ArrowType::Float32 => self.number::<T, Float32Type>(place, array),
            ArrowType::Float64 => self.number::<T, Float64Type>(place, array),
            ArrowType::Utf8 => self.texts(place, array.as_string::<i32>().iter(), full),
            ArrowType::LargeUtf8 => self.texts(place, array.as_string::<i64>().iter(), full),
            ArrowType::Utf8View => self.texts(place, array.as_string_view().iter(), full),
            _ => {
                let cells = batches::column(array);
                let cells =
                    cells.map_err(|bad| format!("column '{}' {bad}", self.columns[place]))?;
                self.cells(place, cells.into_iter())
            }
        })
    }

    fn whole<T: FromCell, A: ArrowPrimitiveType<Native: Into<i64>>>(
        &mut self,
        place: usize,
        array: &ArrayRef,
    ) -> Vec<T> {
        self.primitive(place, array.as_primitive::<A>(), |value| Cell::Whole(value.into()))
    }

    fn number<T: FromCell, A: ArrowPrimitiveType<Native: Into<f64>>>(
        &mut self,
        place: usize,
        array: &ArrayRef,
    ) -> Vec<T> {
        self.primitive(place, array.as_primitive::<A>(), |value| Cell::Number(value.into()))
    }

    fn primitive<T: FromCell, A: ArrowPrimitiveType>(
        &mut self,
        place: usize,
        array: &PrimitiveArray<A>,
        cell: impl Fn(A::Native) -> Cell + Copy,
    ) -> Vec<T> {
        if let Some(values) = at_once(array, cell) {
            return values;
        }
        self.cells(place, array.iter().map(|value| value.map_or(Cell::Missing, cell)))
    }

    fn texts<'t, T: FromCell>(
        &mut self,
        place: usize,
        texts: impl Iterator<Item = Option<&'t str>>,
        cell: impl Fn(&str) -> Cell,
    ) -> Vec<T> {
        let mut values = Vec::with_capacity(self.chunk.rows);
        for (row, text) in texts.enumerate() {
            let value = text.and_then(|text| T::of_text(text, 0..text.len()));
            let value =
                value.or_else(|| self.other(place, row, &text.map_or(Cell::Missing, &cell)));
            values.push(value.unwrap_or_default());
        }
        values
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
    if text.is_empty() { Cell::Missing } else { full(text) }
}

/// What is missing is an empty text.
fn dictionary<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> Option<Dictionary> {
    Dictionary::new(texts.map(Option::unwrap_or_default))
}

fn full(text: &str) -> Cell {
    Cell::Text(text.into())
}

/// Adds what all of these become, without a branch on any of them, so that compilers make vectors of it;
/// nothing, if there is one that becomes nothing.
#[inline]
fn quick<V: Copy, T: FromCell>(
    values: &[V],
    each: impl Fn(V) -> Option<T>,
    all: &mut Vec<T>,
) -> bool {
    let fits = values.iter().fold(true, |fits, value| fits & each(*value).is_some());
    if fits {
        all.extend(values.iter().map(|value| each(*value).unwrap_or_default()));
    }
    fits
}

/// What all values of an array become, if none of them is wrong.
fn at_once<T: FromCell, A: ArrowPrimitiveType>(
    array: &PrimitiveArray<A>,
    cell: impl Fn(A::Native) -> Cell,
) -> Option<Vec<T>> {
    let missing = T::of_cell(&Cell::Missing);
    if !T::IS_NUMBER || (array.null_count() > 0 && missing.is_none()) {
        return None;
    }
    let mut values = Vec::with_capacity(array.len());
    if !quick(array.values(), |value| T::of_cell(&cell(value)), &mut values) {
        return None;
    }
    if let (Some(nulls), Some(missing)) = (array.nulls(), missing) {
        let missed = values.iter_mut().zip(nulls).filter(|(_, is_there)| !is_there);
        missed.for_each(|(value, _)| *value = missing.clone());
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int64Array};
    use proptest::prelude::*;

    use super::*;

    /// All at once, and value by value.
    fn both<T: FromCell, A: ArrowPrimitiveType>(
        array: &PrimitiveArray<A>,
        cell: impl Fn(A::Native) -> Cell + Copy,
    ) -> (Option<Vec<T>>, Option<Vec<T>>) {
        let single = |value: Option<A::Native>| T::of_cell(&value.map_or(Cell::Missing, cell));
        (at_once(array, cell), array.iter().map(single).collect())
    }

    fn bits(values: (Option<Vec<f32>>, Option<Vec<f32>>)) -> [Option<Vec<u32>>; 2] {
        let bits = |values: Option<Vec<f32>>| Some(values?.into_iter().map(f32::to_bits).collect());
        [bits(values.0), bits(values.1)]
    }

    proptest! {
        #[test]
        fn arrays_are_read_at_once_as_value_by_value(
            floats in prop::collection::vec(prop::option::weighted(0.8, prop_oneof![
                any::<f64>(),
                (-300i16..300).prop_map(f64::from),
                prop::sample::select(vec![-0.0, f64::NAN, f64::INFINITY, 9_007_199_254_740_993.0]),
            ]), 1..40),
            whole in prop::collection::vec(prop::option::weighted(0.9, prop_oneof![
                any::<i64>(),
                -300i64..300,
            ]), 1..40),
            skipped in 0usize..4,
        ) {
            let floats = Float64Array::from(floats);
            let floats = floats.slice(skipped.min(floats.len()), floats.len().saturating_sub(skipped));
            let whole = Int64Array::from(whole);
            let whole = whole.slice(skipped.min(whole.len()), whole.len().saturating_sub(skipped));
            let [found, expected] = bits(both::<f32, _>(&floats, Cell::Number));
            prop_assert_eq!(found, expected);
            let [found, expected] = bits(both::<f32, _>(&whole, Cell::Whole));
            prop_assert_eq!(found, expected);
            let (found, expected) = both::<i8, _>(&floats, Cell::Number);
            prop_assert_eq!(found, expected);
            let (found, expected) = both::<u64, _>(&whole, Cell::Whole);
            prop_assert_eq!(found, expected);
        }
    }
}
