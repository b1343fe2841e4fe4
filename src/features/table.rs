//! Numbers that stand side by side in one tensor: it is looked at once for all of them.

use super::read::{Number, each_kind, each_of};
use super::{Feature, Place, Reading};
use crate::tensor::{Data, Tensor};

/// Columns of one tensor. They keep the order in which they were added.
#[derive(Debug, Clone)]
pub struct Table {
    /// As in [`Feature`].
    tensor: usize,
    /// Values in a row.
    of: usize,
    columns: Vec<usize>,
}

/// Takes the numbers of columns.
pub trait Columns {
    /// The numbers of the `at`th column.
    fn column<T: Number>(&mut self, at: usize, numbers: Numbers<'_, T>);

    /// Of a single row, a number of each column from the `first` on.
    fn row(&mut self, first: usize, numbers: &[f64]);
}

/// Numbers of a column that are still to come.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'v, T> {
    values: &'v [T],
    /// From one to the next.
    stride: usize,
}

impl<'v, T: Number> Numbers<'v, T> {
    #[must_use]
    pub fn new(values: &'v [T], stride: usize) -> Self {
        Self { values, stride: stride.max(1) }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len().div_ceil(self.stride)
    }

    #[inline]
    pub fn each(self, mut take: impl FnMut(f64)) {
        each_of(self.values, self.stride, |value| take(value.number()));
    }

    /// Takes the next ones, as many as there is room for; how many they are.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what looks at them is compiled for vectors")]
    pub fn fill<const N: usize>(&mut self, room: &mut [f64; N]) -> usize {
        if self.stride == 1
            && let Some((values, rest)) = self.values.split_first_chunk::<N>()
        {
            self.values = rest;
            *room = values.map(T::number);
            return N;
        }
        let mut count = 0;
        for (place, value) in room.iter_mut().zip(self.values.iter().step_by(self.stride)) {
            *place = value.number();
            count += 1;
        }
        self.values = self.values.get(count * self.stride..).unwrap_or_default();
        count
    }
}

/// Numbers of a row that are handed over at once.
const AT_ONCE: usize = 32;

impl Table {
    /// A table of this feature alone; `None` if it is no number in a column.
    #[must_use]
    pub fn new(feature: &Feature) -> Option<Self> {
        let (Reading::Number, Place::Column { column, of }) = (feature.reading, feature.place)
        else {
            return None;
        };
        Some(Self { tensor: feature.tensor, of, columns: vec![column] })
    }

    /// Takes in the columns of another table, if they stand in the same tensor.
    pub fn join(&mut self, other: &Self) -> bool {
        let same = (self.tensor, self.of) == (other.tensor, other.of);
        if same {
            self.columns.extend_from_slice(&other.columns);
        }
        same
    }

    /// As [`super::rows`].
    #[must_use]
    pub fn rows(&self, tensors: &[Tensor]) -> usize {
        tensors.get(self.tensor).map_or(0, |tensor| tensor.rows().unwrap_or(1))
    }

    /// As [`Feature::each_number`], for every column.
    pub fn each(&self, tensors: &[Tensor], step: usize, taker: &mut impl Columns) {
        let Some(tensor) = tensors.get(self.tensor) else { return };
        let stride = self.of.saturating_mul(step).max(1);
        each_kind!(tensor.data(), values => {
            // Most requests have one row, and columns of one number are mostly preparation.
            if values.len() == self.of {
                return self.row(values, taker);
            }
            for (at, column) in self.columns.iter().enumerate() {
                let rest = values.get(*column..).unwrap_or_default();
                taker.column(at, Numbers::new(rest, stride));
            }
        });
    }

    fn row<T: Number>(&self, values: &[T], taker: &mut impl Columns) {
        if let [column] = self.columns.as_slice() {
            return values.get(*column).iter().for_each(|value| taker.row(0, &[value.number()]));
        }
        let mut row = [0.0; AT_ONCE];
        for (chunk, columns) in self.columns.chunks(AT_ONCE).enumerate() {
            let values = columns.iter().filter_map(|column| values.get(*column));
            row.iter_mut().zip(values).for_each(|(number, value)| *number = value.number());
            taker.row(chunk * AT_ONCE, &row[..columns.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::features;
    use crate::tensor::{DataType, Shape};

    struct Seen(Vec<Vec<f64>>);

    impl Columns for Seen {
        fn column<T: Number>(&mut self, at: usize, mut numbers: Numbers<'_, T>) {
            assert_eq!(at, self.0.len());
            let (mut all, mut some) = (Vec::new(), Vec::new());
            numbers.each(|number| all.push(number));
            assert_eq!(numbers.count(), all.len());
            let mut room = [0.0; 4];
            while let count @ 1.. = numbers.fill(&mut room) {
                some.extend_from_slice(&room[..count]);
            }
            assert_eq!(some, all);
            self.0.push(all);
        }

        fn row(&mut self, first: usize, numbers: &[f64]) {
            assert_eq!(first, self.0.len());
            self.0.extend(numbers.iter().map(|number| vec![*number]));
        }
    }

    #[test]
    fn columns_of_a_table_are_read_as_one_by_one() {
        let spec = |name: &str, data_type, dims: &[Dim]| TensorSpec {
            name: name.to_owned(),
            data_type,
            dims: Some(dims.to_vec()),
            columns: None,
        };
        let inputs = vec![
            spec("x", DataType::Int64, &[Dim::Unknown, Dim::Fixed(3)]),
            spec("text", DataType::Bytes, &[Dim::Unknown]),
        ];
        let features = features::of(&Signature { inputs, outputs: Vec::new() });
        let tables: Vec<Option<Table>> = features.iter().map(Table::new).collect();
        assert!(tables[3].is_none(), "a text is no number");
        let mut table = tables[0].clone().unwrap();
        assert!(table.join(tables[2].as_ref().unwrap()));
        for (rows, step) in [(1i64, 1), (5, 1), (5, 2), (0, 1)] {
            let count = usize::try_from(rows).unwrap();
            let shape = Shape::new(vec![count, 3]).unwrap();
            let values: Vec<i64> = (0..rows * 3).collect();
            let tensors = [Tensor::new(shape, values.into()).unwrap()];
            let mut seen = Seen(Vec::new());
            table.each(&tensors, step, &mut seen);
            for (at, place) in [0, 2].into_iter().enumerate() {
                let mut numbers = Vec::new();
                features[place].each_number(&tensors, step, |number| numbers.push(number));
                assert_eq!(seen.0.get(at).cloned().unwrap_or_default(), numbers);
            }
        }
    }
}
