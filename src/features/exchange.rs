//! A feature with the values of other rows, everything else as it was.

use super::{Feature, Place};
use crate::tensor::{Data, Tensor};

impl Feature {
    /// The feature's tensor where row `r` has this feature as it is in row `from[r]`. `tensors`
    /// are those of its side of the model. `None` if they have other rows, or the feature none.
    #[must_use]
    pub fn exchanged(&self, tensors: &[Tensor], from: &[usize]) -> Option<Tensor> {
        let tensor = tensors.get(self.tensor)?;
        if tensor.rows() != Some(from.len()) || from.iter().any(|row| *row >= from.len()) {
            return None;
        }
        let width = tensor.shape().row_elements();
        let others: Box<dyn Fn(usize) -> bool> = match self.place {
            Place::Column { column, .. } => Box::new(move |at| at == column),
            Place::Row => Box::new(|_| true),
            Place::Tensor => return None,
        };
        let pick = |(row, other): (usize, &usize)| {
            let others = &others;
            let other = *other;
            (0..width).map(move |at| Some(if others(at) { other } else { row } * width + at))
        };
        let picks: Vec<Option<usize>> = from.iter().enumerate().flat_map(pick).collect();
        let mut data = Data::empty(tensor.data_type());
        data.extend_picked(tensor.data(), &picks);
        Tensor::new(tensor.shape().clone(), data).ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::features;
    use crate::tensor::{DataType, Shape, Tensor};

    fn exchanged(
        dims: &[Dim],
        shape: &[usize],
        from: &[usize],
        feature: usize,
    ) -> Option<Vec<i64>> {
        let spec = TensorSpec {
            name: "x".to_owned(),
            data_type: DataType::Int64,
            dims: Some(dims.to_vec()),
            columns: None,
        };
        let features = features::of(&Signature { inputs: vec![spec], outputs: Vec::new() });
        let shape = Shape::new(shape.to_vec()).unwrap();
        let values: Vec<i64> = (0..i64::try_from(shape.elements()).unwrap()).collect();
        let tensors = [Tensor::new(shape, values.into()).unwrap()];
        let tensor = features[feature].exchanged(&tensors, from)?;
        tensor.data().as_slice::<i64>().map(<[i64]>::to_vec)
    }

    #[test]
    fn only_the_column_of_the_feature_comes_from_other_rows() {
        let table = [Dim::Unknown, Dim::Fixed(2)];
        assert_eq!(exchanged(&table, &[3, 2], &[2, 0, 1], 1), Some(vec![0, 5, 2, 1, 4, 3]));
        assert_eq!(exchanged(&[Dim::Unknown], &[2], &[1, 0], 0), Some(vec![1, 0]));
    }

    #[test]
    fn what_is_watched_as_a_whole_is_exchanged_as_a_whole() {
        let image = [Dim::Unknown, Dim::Fixed(1), Dim::Fixed(2)];
        assert_eq!(exchanged(&image, &[2, 1, 2], &[1, 0], 0), Some(vec![2, 3, 0, 1]));
    }

    #[test]
    fn rows_that_are_not_there_give_nothing() {
        assert_eq!(exchanged(&[Dim::Unknown], &[2], &[1, 2], 0), None);
        assert_eq!(exchanged(&[Dim::Unknown], &[2], &[0], 0), None);
    }
}
