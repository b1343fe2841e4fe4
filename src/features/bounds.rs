//! Whether all numbers of a tensor lie between bounds of their columns, in one pass over them.

use super::read::each_kind;
use super::{Feature, Place, Reading};
use crate::tensor::{Data, DataType, Tensor};

/// What numbers of one column are fine without a closer look. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Band {
    /// NaN is in no band.
    Real(f64, f64),
    /// Of a type of whole numbers, without rounding.
    Whole(i128, i128),
    /// Every number needs a look.
    Empty,
}

/// Bands of the columns of one tensor.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// As in [`Feature`].
    tensor: usize,
    /// Values in a row.
    of: usize,
    typed: Typed,
}

/// The ends of the bands in the type of the tensor, column after column.
#[derive(Debug, Clone)]
struct Limits<T> {
    low: Vec<T>,
    high: Vec<T>,
}

/// An element that can be held against a band.
trait Bounded: PartialOrd + Copy {
    /// Everything that is ordered.
    const ALL: (Self, Self);

    /// The same band in this type, or an empty one.
    fn ends(band: Band) -> (Self, Self);
}

macro_rules! whole {
    ($($rust:ty),*) => {
        $(impl Bounded for $rust {
            const ALL: (Self, Self) = (Self::MIN, Self::MAX);

            #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
            fn ends(band: Band) -> (Self, Self) {
                let empty = (Self::MAX, Self::MIN);
                let (low, high) = match band {
                    Band::Whole(low, high) => (low, high),
                    Band::Real(low, high) => (low.ceil() as i128, high.floor() as i128),
                    Band::Empty => return empty,
                };
                let low = Self::try_from(low.max(Self::MIN.into()));
                let high = Self::try_from(high.min(Self::MAX.into()));
                low.ok().zip(high.ok()).unwrap_or(empty)
            }
        })*
    };
}

whole!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Bounded for f64 {
    const ALL: (Self, Self) = (Self::NEG_INFINITY, Self::INFINITY);

    fn ends(band: Band) -> (Self, Self) {
        let Band::Real(low, high) = band else { return (Self::MAX, Self::MIN) };
        (low, high)
    }
}

impl Bounded for f32 {
    const ALL: (Self, Self) = (Self::NEG_INFINITY, Self::INFINITY);

    #[expect(clippy::cast_possible_truncation, reason = "what the cast widens is taken back")]
    fn ends(band: Band) -> (Self, Self) {
        let Band::Real(low, high) = band else { return (Self::MAX, Self::MIN) };
        let (least, greatest) = (low as Self, high as Self);
        let least = if f64::from(least) < low { least.next_up() } else { least };
        let greatest = if f64::from(greatest) > high { greatest.next_down() } else { greatest };
        (least, greatest)
    }
}

macro_rules! typed {
    ($($variant:ident),*) => {
        #[derive(Debug, Clone)]
        enum Typed {
            $($variant(Limits<<kinds::$variant as kinds::Kind>::Rust>),)*
        }

        impl Typed {
            fn new(data_type: DataType, of: usize) -> Option<Self> {
                match data_type {
                    $(DataType::$variant => Some(Self::$variant(Limits::new(of))),)*
                    DataType::Bool | DataType::Fp16 | DataType::Bytes => None,
                }
            }

            fn set(&mut self, column: usize, band: Band) {
                match self {
                    $(Self::$variant(limits) => limits.set(column, band),)*
                }
            }

            /// False if the data is of another type: nothing was looked at.
            fn all_within(&self, data: &Data) -> bool {
                match (self, data) {
                    $((Self::$variant(limits), Data::$variant(values)) => limits.hold(values),)*
                    _ => false,
                }
            }

            fn column_within(&self, data: &Data, column: usize) -> bool {
                match (self, data) {
                    $((Self::$variant(limits), Data::$variant(values)) => {
                        limits.hold_column(values, column)
                    })*
                    _ => false,
                }
            }
        }
    };
}

/// Elements by the names of their types.
mod kinds {
    pub(super) trait Kind {
        type Rust;
    }
    macro_rules! kinds {
        ($($variant:ident: $rust:ty),*) => {
            $(pub(super) enum $variant {}
            impl Kind for $variant {
                type Rust = $rust;
            })*
        };
    }
    kinds!(Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64, Int8: i8, Int16: i16, Int32: i32,
        Int64: i64, Fp32: f32, Fp64: f64);
}

typed!(Uint8, Uint16, Uint32, Uint64, Int8, Int16, Int32, Int64, Fp32, Fp64);

impl<T: Bounded> Limits<T> {
    fn new(of: usize) -> Self {
        let (low, high) = T::ALL;
        Self { low: vec![low; of], high: vec![high; of] }
    }

    fn set(&mut self, column: usize, band: Band) {
        let ends = T::ends(band);
        if let (Some(low), Some(high)) = (self.low.get_mut(column), self.high.get_mut(column)) {
            (*low, *high) = ends;
        }
    }

    /// One answer for all values, without a branch on any of them: compilers make vectors of it.
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    fn hold(&self, values: &[T]) -> bool {
        let within = |value: T, low: T, high: T| (value >= low) & (value <= high);
        if let ([low], [high]) = (self.low.as_slice(), self.high.as_slice()) {
            return values.iter().fold(true, |all, value| all & within(*value, *low, *high));
        }
        values.chunks_exact(self.low.len().max(1)).all(|row| {
            let ends = self.low.iter().zip(&self.high);
            let row = row.iter().zip(ends);
            row.fold(true, |all, (value, (low, high))| all & within(*value, *low, *high))
        })
    }

    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    fn hold_column(&self, values: &[T], column: usize) -> bool {
        let (Some(low), Some(high)) = (self.low.get(column), self.high.get(column)) else {
            return false;
        };
        let column = values.get(column..).unwrap_or_default().iter().step_by(self.low.len());
        column.fold(true, |all, value| all & (value >= low) & (value <= high))
    }
}

impl Bounds {
    /// Of the tensor of this feature, every column unbounded. `None` if it is no number in a
    /// column, or of a type that is looked at value by value.
    #[must_use]
    pub fn new(feature: &Feature, data_type: DataType) -> Option<Self> {
        let (Reading::Number, Place::Column { of, .. }) = (feature.reading, feature.place) else {
            return None;
        };
        Some(Self { tensor: feature.tensor, of, typed: Typed::new(data_type, of)? })
    }

    /// Bounds the column of this feature; false if it stands in another tensor.
    pub fn bound(&mut self, feature: &Feature, band: Band) -> bool {
        let Place::Column { column, of } = feature.place else { return false };
        let same = (self.tensor, self.of) == (feature.tensor, of);
        if same {
            self.typed.set(column, band);
        }
        same
    }

    /// Whether all numbers are within their bounds; NaN is not.
    #[must_use]
    pub fn hold(&self, tensors: &[Tensor]) -> bool {
        tensors.get(self.tensor).is_some_and(|tensor| self.typed.all_within(tensor.data()))
    }

    /// The same of one feature of this tensor.
    #[must_use]
    pub fn hold_for(&self, feature: &Feature, tensors: &[Tensor]) -> bool {
        let Place::Column { column, .. } = feature.place else { return false };
        let tensor = tensors.get(self.tensor);
        tensor.is_some_and(|tensor| self.typed.column_within(tensor.data(), column))
    }
}

impl Feature {
    /// Calls `take` with the number that the feature is in every row, if it is of a type of
    /// whole numbers of 64 bits, which an f64 rounds.
    pub fn each_whole(&self, tensors: &[Tensor], mut take: impl FnMut(i128)) {
        let Some(tensor) = tensors.get(self.tensor) else { return };
        match tensor.data() {
            Data::Int64(values) => self.each_picked(values, 1, |value| take((*value).into())),
            Data::Uint64(values) => self.each_picked(values, 1, |value| take((*value).into())),
            _ => {}
        }
    }

    /// The whole number of 64 bits of this row, if it is one.
    #[must_use]
    pub fn whole_at(&self, tensors: &[Tensor], row: usize) -> Option<i128> {
        let (tensor, element) = (tensors.get(self.tensor)?, self.element(row)?);
        match tensor.data() {
            Data::Int64(values) => values.get(element).map(|value| (*value).into()),
            Data::Uint64(values) => values.get(element).map(|value| (*value).into()),
            _ => None,
        }
    }

    /// The number that the feature is in this row, however it is read; none if it is a text.
    #[must_use]
    pub fn reading_at(&self, tensors: &[Tensor], row: usize) -> Option<f64> {
        let whole_row = matches!(self.reading, Reading::Mean | Reading::Norm);
        if !whole_row {
            return self.number_at(tensors, row);
        }
        let tensor = tensors.get(self.tensor)?;
        let (rows, mut found) = (self.rows_of(tensor).max(1), None);
        each_kind!(tensor.data(), values => {
            let width = (values.len() / rows).max(1);
            let row = values.chunks_exact(width).nth(row)?;
            found = Some(self.of_row(&mut row.iter().map(|value| super::read::Number::number(*value))));
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::features;
    use crate::tensor::Shape;

    fn of(data: Data, width: usize) -> (Vec<Feature>, Vec<Tensor>) {
        let spec = TensorSpec {
            name: "x".to_owned(),
            data_type: data.data_type(),
            dims: Some(vec![Dim::Unknown, Dim::Fixed(width)]),
            columns: None,
        };
        let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
        let shape = Shape::new(vec![data.len() / width, width]).unwrap();
        (features::of(&signature), vec![Tensor::new(shape, data).unwrap()])
    }

    fn bounded(data: impl Into<Data>, width: usize, column: usize, band: Band) -> [bool; 2] {
        let (features, tensors) = of(data.into(), width);
        let mut bounds = Bounds::new(&features[0], tensors[0].data_type()).unwrap();
        assert!(bounds.bound(&features[column], band));
        [bounds.hold(&tensors), bounds.hold_for(&features[column], &tensors)]
    }

    #[test]
    fn a_number_beyond_its_band_is_found_in_its_column_only() {
        let values = vec![1.0f32, 9.0, 2.0, 8.0];
        assert_eq!(bounded(values.clone(), 2, 0, Band::Real(1.0, 2.0)), [true; 2]);
        assert_eq!(bounded(values.clone(), 2, 1, Band::Real(1.0, 8.0)), [false; 2]);
        assert_eq!(bounded(values, 1, 0, Band::Empty), [false; 2]);
        let missing = vec![1.0f64, f64::NAN, 2.0, 3.0];
        assert_eq!(bounded(missing, 2, 0, Band::Real(0.0, 5.0)), [false, true]);
    }

    #[test]
    fn bands_never_become_wider_in_the_type_of_a_tensor() {
        // The float next to 0.1 in 32 bits is above it.
        assert_eq!(bounded(vec![0.1f32], 1, 0, Band::Real(0.0, 0.1)), [false; 2]);
        assert_eq!(bounded(vec![f32::INFINITY], 1, 0, Band::Real(0.0, f64::MAX)), [false; 2]);
        assert_eq!(bounded(vec![f32::MAX], 1, 0, Band::Real(0.0, f64::MAX)), [true; 2]);
        assert_eq!(bounded(vec![255u8], 1, 0, Band::Whole(300, 400)), [false; 2]);
        assert_eq!(bounded(vec![u64::MAX], 1, 0, Band::Whole(0, 1 << 64)), [true; 2]);
        assert_eq!(bounded(vec![(1i64 << 53) + 1], 1, 0, Band::Whole(0, 1 << 53)), [false; 2]);
    }
}
