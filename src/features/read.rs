//! Reading features out of tensors.

use half::f16;

use super::{Feature, Place, Reading};
use crate::tensor::{Data, Dictionary, Tensor};

/// Rows of these tensors. A tensor without rows counts as one.
#[must_use]
pub fn rows<'f>(features: impl IntoIterator<Item = &'f Feature>, tensors: &[Tensor]) -> usize {
    let of = |feature: &Feature| Some(feature.rows_of(tensors.get(feature.tensor)?));
    features.into_iter().filter_map(of).max().unwrap_or(0)
}

/// An element that is a number.
pub trait Number: Copy {
    fn number(self) -> f64;
}

macro_rules! number {
    ($($rust:ty: $value:ident => $number:expr),* $(,)?) => {
        $(impl Number for $rust {
            #[inline]
            fn number(self) -> f64 {
                let $value = self;
                $number
            }
        })*
    };
}

#[expect(clippy::cast_precision_loss, reason = "bins are wider than what is lost past 2^53")]
mod number {
    use super::{Number, f16};

    number! {
        bool: value => f64::from(u8::from(value)),
        u8: value => f64::from(value),
        u16: value => f64::from(value),
        u32: value => f64::from(value),
        u64: value => value as f64,
        i8: value => f64::from(value),
        i16: value => f64::from(value),
        i32: value => f64::from(value),
        i64: value => value as f64,
        f16: value => value.to_f64(),
        f32: value => f64::from(value),
        f64: value => value,
    }
}

/// Runs one generic expression for whatever numbers these are; nothing for texts.
macro_rules! each_kind {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            Data::Bool($values) => $body,
            Data::Uint8($values) => $body,
            Data::Uint16($values) => $body,
            Data::Uint32($values) => $body,
            Data::Uint64($values) => $body,
            Data::Int8($values) => $body,
            Data::Int16($values) => $body,
            Data::Int32($values) => $body,
            Data::Int64($values) => $body,
            Data::Fp16($values) => $body,
            Data::Fp32($values) => $body,
            Data::Fp64($values) => $body,
            Data::Bytes(_) => {}
        }
    };
}
pub(super) use each_kind;

impl Feature {
    pub(super) fn rows_of(&self, tensor: &Tensor) -> usize {
        match self.place {
            Place::Tensor => 1,
            Place::Row | Place::Column { .. } => tensor.rows().unwrap_or(1),
        }
    }

    /// Calls `take` with the number that the feature is in every `step`th row; not at all if it
    /// is a text. `tensors` are those of the feature's side of the model, in the order of the
    /// signature. A missing number is NaN; the length of a missing text, which is empty, too.
    pub fn each_number(&self, tensors: &[Tensor], step: usize, mut take: impl FnMut(f64)) {
        let Some(tensor) = tensors.get(self.tensor) else { return };
        match self.reading {
            Reading::Number => each_kind!(tensor.data(), values => {
                self.each_picked(values, step, |value| take(value.number()));
            }),
            Reading::Mean | Reading::Norm => {
                self.each_row(tensor, step, |numbers| take(self.of_row(numbers)));
            }
            Reading::Length => self.each_text(tensors, step, |text| take(length(text))),
            Reading::Text => {}
        }
    }

    /// The same for the text; not at all if it is a number. A missing text is empty.
    pub fn each_text<'t>(&self, tensors: &'t [Tensor], step: usize, mut take: impl FnMut(&'t str)) {
        let Some(tensor) = tensors.get(self.tensor) else { return };
        if let Data::Bytes(texts) = tensor.data() {
            self.each_picked(texts, step, |text| take(text));
        }
    }

    /// The texts of all rows, if there is a dictionary of them.
    #[must_use]
    pub fn dictionary<'t>(&self, tensors: &'t [Tensor]) -> Option<&'t Dictionary> {
        let dictionary = tensors.get(self.tensor)?.dictionary()?;
        let all = matches!(self.place, Place::Column { of: 1, .. });
        (all && self.reading == Reading::Text).then_some(dictionary)
    }

    /// What all numbers of a row are as one.
    pub(super) fn of_row(&self, numbers: &mut dyn Iterator<Item = f64>) -> f64 {
        if self.reading == Reading::Norm { norm(numbers) } else { mean(numbers) }
    }

    /// The number of this row, if it is a single one.
    #[must_use]
    pub fn number_at(&self, tensors: &[Tensor], row: usize) -> Option<f64> {
        let (tensor, element) = (tensors.get(self.tensor)?, self.element(row)?);
        let mut found = None;
        each_kind!(tensor.data(), values => found = values.get(element).map(|value| value.number()));
        found
    }

    /// The text of this row, if it is one.
    #[must_use]
    pub fn text_at<'t>(&self, tensors: &'t [Tensor], row: usize) -> Option<&'t str> {
        let Data::Bytes(texts) = tensors.get(self.tensor)?.data() else { return None };
        texts.get(self.element(row)?).map(compact_str::CompactString::as_str)
    }

    /// The values of the feature's column in every `step`th row.
    pub(super) fn each_picked<'t, T>(&self, values: &'t [T], step: usize, take: impl FnMut(&'t T)) {
        let (column, of) = match self.place {
            Place::Column { column, of } => (column, of),
            Place::Row | Place::Tensor => (0, values.len()),
        };
        each_of(values.get(column..).unwrap_or_default(), of.saturating_mul(step).max(1), take);
    }

    /// All numbers of every `step`th row.
    fn each_row(
        &self,
        tensor: &Tensor,
        step: usize,
        mut take: impl FnMut(&mut dyn Iterator<Item = f64>),
    ) {
        let rows = self.rows_of(tensor).max(1);
        each_kind!(tensor.data(), values => {
            let row = (values.len() / rows).max(1);
            for values in values.chunks_exact(row).step_by(step) {
                take(&mut values.iter().map(|value| value.number()));
            }
        });
    }
}

/// Every `stride`th value from the first one on. Neighbours are walked over as such, which is quicker.
#[inline]
pub(super) fn each_of<'v, T>(values: &'v [T], stride: usize, take: impl FnMut(&'v T)) {
    match stride {
        1 => values.iter().for_each(take),
        stride => values.iter().step_by(stride).for_each(take),
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows have fewer than 2^53 numbers")]
fn mean(numbers: &mut dyn Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0u64), |(sum, count), number| (sum + number, count + 1));
    sum / count as f64
}

fn norm(numbers: &mut dyn Iterator<Item = f64>) -> f64 {
    numbers.map(|number| number * number).sum::<f64>().sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "texts have fewer than 2^53 characters")]
fn length(text: &str) -> f64 {
    if text.is_empty() { f64::NAN } else { text.chars().count() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::features;
    use crate::tensor::{DataType, Shape};

    fn of(data: impl Into<Data>, declared: &[Dim], shape: &[usize]) -> (Vec<Feature>, Vec<Tensor>) {
        let data = data.into();
        let spec = TensorSpec {
            name: "x".to_owned(),
            data_type: data.data_type(),
            dims: Some(declared.to_vec()),
            columns: None,
        };
        let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
        let tensor = Tensor::new(Shape::new(shape.to_vec()).unwrap(), data).unwrap();
        (features::of(&signature), vec![tensor])
    }

    fn numbers(feature: &Feature, tensors: &[Tensor], step: usize) -> Vec<f64> {
        let mut numbers = Vec::new();
        feature.each_number(tensors, step, |number| numbers.push(number));
        numbers
    }

    #[test]
    fn a_column_is_read_in_every_row_or_in_some() {
        let declared = [Dim::Unknown, Dim::Fixed(2)];
        let (features, tensors) = of((1i64..=10).collect::<Vec<_>>(), &declared, &[5, 2]);
        assert_eq!(rows(&features, &tensors), 5);
        assert_eq!(numbers(&features[1], &tensors, 1), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(numbers(&features[0], &tensors, 2), [1.0, 5.0, 9.0]);
    }

    #[test]
    fn a_whole_row_is_its_mean_and_its_norm() {
        let declared = [Dim::Unknown, Dim::Fixed(1), Dim::Fixed(2)];
        let (features, tensors) = of(vec![3.0f32, 4.0, 6.0, 8.0], &declared, &[2, 1, 2]);
        assert_eq!(numbers(&features[0], &tensors, 1), [3.5, 7.0]);
        assert_eq!(numbers(&features[1], &tensors, 1), [5.0, 10.0]);
    }

    #[test]
    fn a_tensor_without_rows_is_one_row() {
        let (features, tensors) = of(vec![1.0f64, 2.0, 3.0], &[Dim::Fixed(3)], &[3]);
        assert_eq!(rows(&features, &tensors), 1);
        assert_eq!(numbers(&features[0], &tensors, 1), [2.0]);
        let (features, tensors) = of(Vec::<f32>::new(), &[Dim::Unknown], &[0]);
        assert_eq!((rows(&features, &tensors), numbers(&features[0], &tensors, 3).len()), (0, 0));
    }

    #[test]
    fn texts_are_read_as_they_are_or_as_their_lengths() {
        let texts = ["late", "", "é"].map(Into::into).to_vec();
        let (features, tensors) = of(Data::Bytes(texts), &[Dim::Unknown], &[3]);
        assert_eq!(features[0].reading, Reading::Text);
        assert!(numbers(&features[0], &tensors, 1).is_empty());
        let mut seen = Vec::new();
        features[0].each_text(&tensors, 2, |text| seen.push(text));
        assert_eq!(seen, ["late", "é"]);
        let lengths = numbers(&features[0].read_as(Reading::Length), &tensors, 1);
        assert_eq!((lengths[0], lengths[1].is_nan(), lengths[2]), (4.0, true, 1.0));
        assert_eq!(tensors[0].data_type(), DataType::Bytes);
    }
}
