//! Joining requests along the leading axis and taking their rows apart again.

use std::ops::Range;

use super::{Data, Element, Shape, Tensor, each};

/// Joins tensors of one type along their leading axis, in order.
///
/// The caller only joins tensors that agree in type and in every other dimension; `None`
/// if they do not, or if there are none.
#[must_use]
pub fn concat(parts: &[&Tensor]) -> Option<Tensor> {
    let whole = parts.iter().map(|&part| Some((part, 0..part.rows()?)));
    concat_rows(&whole.collect::<Option<Vec<_>>>()?)
}

/// Joins some rows of each tensor, in order. `None` as for [`concat()`], and if a tensor does
/// not have the rows.
#[must_use]
pub fn concat_rows(parts: &[(&Tensor, Range<usize>)]) -> Option<Tensor> {
    let first = parts.first()?.0;
    let rest_of_shape = first.shape().dims().get(1..)?;
    let mut count = 0;
    for (part, rows) in parts {
        if part.data_type() != first.data_type() || part.shape().dims().get(1..)? != rest_of_shape {
            return None;
        }
        count += rows.len();
    }
    let row = first.shape().row_elements();
    let data = each!(first.data(), values => join(values, parts, (count, row)))?;
    Tensor::new(first.shape().with_rows(count), data).ok()
}

fn join<T: Element>(
    _type: &[T],
    parts: &[(&Tensor, Range<usize>)],
    (count, row): (usize, usize),
) -> Option<Data> {
    let mut joined: Vec<T> = Vec::with_capacity(count * row);
    for (part, rows) in parts {
        let values = part.data().as_slice::<T>()?;
        joined.extend_from_slice(values.get(rows.start * row..rows.end * row)?);
    }
    Some(T::wrap(joined))
}

/// Takes a tensor apart along its leading axis: one tensor of `counts[i]` rows for each
/// `i`, in order. `None` if the counts do not add up to the tensor's rows.
#[must_use]
pub fn split(tensor: &Tensor, counts: &[usize]) -> Option<Vec<Tensor>> {
    if tensor.rows()? != counts.iter().sum::<usize>() {
        return None;
    }
    let row = tensor.shape().row_elements();
    let mut start = 0;
    let mut parts = Vec::with_capacity(counts.len());
    for &rows in counts {
        let end = start + rows * row;
        let data = each!(tensor.data(), values => Data::from(values[start..end].to_vec()));
        parts.push(Tensor::new(tensor.shape().with_rows(rows), data).ok()?);
        start = end;
    }
    Some(parts)
}

/// A tensor of zeros (empty strings) of the given shape and type.
#[must_use]
pub fn zeros(shape: Shape, data_type: super::DataType) -> Tensor {
    let elements = shape.elements();
    let mut data = Data::empty(data_type);
    each!(&mut data, values => values.resize_with(elements, Default::default));
    Tensor { shape, data }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tensor(rows: usize, columns: usize, first: i64) -> Tensor {
        let values: Vec<i64> = (first..).take(rows * columns).collect();
        Tensor::new(Shape::new(vec![rows, columns]).unwrap(), values.into()).unwrap()
    }

    proptest! {
        #[test]
        fn split_undoes_concat_for_any_mix_of_row_counts(
            counts in proptest::collection::vec(0usize..7, 1..9),
            columns in 0usize..5,
        ) {
            let parts: Vec<Tensor> = counts
                .iter()
                .enumerate()
                .map(|(index, &rows)| tensor(rows, columns, 1000 * i64::try_from(index).unwrap()))
                .collect();
            let joined = concat(&parts.iter().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(split(&joined, &counts).unwrap(), parts);
        }
    }

    #[test]
    fn tensors_that_differ_beyond_the_leading_axis_do_not_join() {
        assert_eq!(concat(&[&tensor(1, 2, 0), &tensor(1, 3, 0)]), None);
    }

    #[test]
    fn row_counts_that_do_not_add_up_do_not_split() {
        assert_eq!(split(&tensor(3, 2, 0), &[1, 1]), None);
    }
}
