//! Joining requests along the leading axis and taking their rows apart again.

use std::ops::Range;

use super::{Data, Element, Shape, Stored, Tensor, Wire, each};

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
    let shape = first.shape().with_rows(count);
    if let Some(wire) = join_wires(parts) {
        return Some(Tensor::from_wire(shape, wire));
    }
    let row = first.shape().row_elements();
    let data = each!(first.data(), values => join(values, parts, (count, row)))?;
    Tensor::new(shape, data).ok()
}

/// What is still as it came is joined without a copy; `None` if some is not.
fn join_wires(parts: &[(&Tensor, Range<usize>)]) -> Option<Wire> {
    let cut = |(part, rows): &(&Tensor, Range<usize>)| cut(part.wire()?, part.shape(), rows);
    Wire::join(parts.iter().map(cut))
}

/// Some rows of a tensor of this shape, not copied. `None` if it does not have them.
fn cut(wire: &Wire, shape: &Shape, rows: &Range<usize>) -> Option<Wire> {
    let row = shape.row_elements() * wire.data_type().size()?;
    wire.slice(rows.start.checked_mul(row)?..rows.end.checked_mul(row)?)
}

fn join<T: Element>(
    _type: &[T],
    parts: &[(&Tensor, Range<usize>)],
    (count, row): (usize, usize),
) -> Option<Data> {
    let mut joined: Vec<T> = Vec::with_capacity(count * row);
    for (part, rows) in parts {
        // Of what is still as it came, no more than these rows is looked at.
        let cut = part.wire().map(|wire| cut(wire, part.shape(), rows));
        let (values, rows) = match &cut {
            Some(cut) => (cut.as_ref()?.typed(), 0..rows.len()),
            None => (part.data(), rows.clone()),
        };
        joined.extend_from_slice(values.as_slice::<T>()?.get(rows.start * row..rows.end * row)?);
    }
    Some(T::wrap(joined))
}

/// These rows of a tensor, in this order. `None` if it does not have rows.
#[must_use]
pub fn pick_rows(tensor: &Tensor, rows: &[usize]) -> Option<Tensor> {
    let row = tensor.shape().dims().first().map(|_| tensor.shape().row_elements())?;
    let picks = rows.iter().flat_map(|at| at * row..(at + 1) * row);
    let mut data = Data::empty(tensor.data_type());
    data.extend_picked(tensor.data(), &picks.map(Some).collect::<Vec<_>>());
    Tensor::new(tensor.shape().with_rows(rows.len()), data).ok()
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
        let end = start + rows;
        let shape = tensor.shape().with_rows(rows);
        let part = if let Some(wire) = tensor.wire() {
            Tensor::from_wire(shape, cut(wire, tensor.shape(), &(start..end))?)
        } else {
            let place = start * row..end * row;
            let data = each!(tensor.data(), values => Data::from(values[place].to_vec()));
            Tensor::new(shape, data).ok()?
        };
        parts.push(part);
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
    Tensor { shape, stored: Stored::Typed(data) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tensor(rows: usize, columns: usize, first: i64) -> Tensor {
        let values: Vec<i64> = (first..).take(rows * columns).collect();
        Tensor::new(Shape::new(vec![rows, columns]).unwrap(), values.into()).unwrap()
    }

    /// The same tensor as it comes over the wire, in two pieces.
    fn as_it_comes(tensor: &Tensor) -> Tensor {
        let mut bytes = Vec::new();
        crate::tensor::binary::encode(tensor.data(), &mut bytes);
        let mut first = bytes::Bytes::from(bytes);
        let second = first.split_off(first.len() / 3);
        let wire = Wire::new(tensor.data_type(), vec![first, second]).unwrap();
        Tensor::from_wire(tensor.shape().clone(), wire)
    }

    proptest! {
        #[test]
        fn rows_join_the_same_whether_typed_or_as_they_came(
            sizes in proptest::collection::vec((1usize..7, 0usize..7, 0usize..7), 1..6),
            columns in 0usize..5,
        ) {
            let typed: Vec<Tensor> = sizes.iter().map(|size| tensor(size.0, columns, 7)).collect();
            let came: Vec<Tensor> = typed.iter().map(as_it_comes).collect();
            let rows = |(rows, start, end): &(usize, usize, usize)| {
                let (start, end) = (*start.min(rows), *end.min(rows));
                start.min(end)..end
            };
            let pick = |tensors: &[Tensor]| {
                let parts: Vec<_> = tensors.iter().zip(sizes.iter().map(rows)).collect();
                concat_rows(&parts).unwrap()
            };
            let joined = pick(&came);
            prop_assert!(joined.wire().is_some());
            prop_assert_eq!(joined, pick(&typed));
            let mixed = [&came[..1], &typed[1..]].concat();
            prop_assert_eq!(pick(&mixed), pick(&typed));
        }

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
            prop_assert_eq!(&split(&as_it_comes(&joined), &counts).unwrap(), &parts);
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
