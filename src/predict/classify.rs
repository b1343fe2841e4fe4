//! The classification extension: the best classes of an output instead of its numbers.

use std::cmp::Ordering;

use crate::engine::Label;
use crate::tensor::{Data, Shape, Tensor, format_compact};

/// The `n` largest values of each row, best first, as strings of shape `[rows, n]` (`[n]`
/// where there are no rows): `"value:index:label"`, without a label where there is none.
/// `None` for outputs that are not numbers.
pub(super) fn best(tensor: &Tensor, n: usize, has_rows: bool, labels: &[Label]) -> Option<Tensor> {
    // As in Triton a class without a name has no third part.
    let label =
        |index: usize| labels.get(index).map(ToString::to_string).filter(|label| !label.is_empty());
    let label = |index: usize| label(index).map(|label| format!(":{label}"));
    let values = numbers(tensor.data())?;
    let rows = if has_rows { tensor.rows()? } else { 1 };
    let row_elements = values.len().checked_div(rows).unwrap_or(0);
    let n = n.min(row_elements);
    let mut best = Vec::with_capacity(rows * n);
    for row in values.chunks(row_elements.max(1)) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| descending(row[a], row[b]));
        best.extend(order.iter().take(n).map(|&index| {
            format_compact!("{:.6}:{index}{}", row[index], label(index).unwrap_or_default())
        }));
    }
    let dims = if has_rows { vec![rows, n] } else { vec![n] };
    Tensor::new(Shape::new(dims).ok()?, Data::Bytes(best)).ok()
}

/// Largest first; NaN, which is no score, last.
fn descending(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn numbers(data: &Data) -> Option<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "scores are compared, not computed with")]
    Some(match data {
        Data::Uint8(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Uint16(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Uint32(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Uint64(values) => values.iter().map(|&v| v as f64).collect(),
        Data::Int8(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Int16(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Int32(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Int64(values) => values.iter().map(|&v| v as f64).collect(),
        Data::Fp16(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Fp32(values) => values.iter().map(|&v| v.into()).collect(),
        Data::Fp64(values) => values.clone(),
        Data::Bool(_) | Data::Bytes(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::CompactString;

    #[test]
    fn the_best_classes_of_each_row_come_first() {
        let scores = Data::Fp32(vec![0.1, 0.7, 0.2, 0.5, 0.25, 0.25]);
        let tensor = Tensor::new(Shape::new(vec![2, 3]).unwrap(), scores).unwrap();
        let best = best(&tensor, 2, true, &[]).unwrap();
        assert_eq!(best.shape().dims(), [2, 2]);
        let expected = ["0.700000:1", "0.200000:2", "0.500000:0", "0.250000:1"];
        assert_eq!(best.data().as_slice::<CompactString>().unwrap(), expected);
    }

    #[test]
    fn a_class_with_a_label_is_called_by_it() {
        let labels = [Label::Text("late".to_owned()), Label::Text("on-time".to_owned())];
        let tensor = Tensor::new(Shape::new(vec![1, 2]).unwrap(), Data::Fp32(vec![0.25, 0.75]));
        let best = best(&tensor.unwrap(), 1, true, &labels).unwrap();
        assert_eq!(best.data().as_slice::<CompactString>().unwrap(), ["0.750000:1:on-time"]);
    }

    #[test]
    fn a_class_without_a_score_comes_last() {
        let scores = Data::Fp32(vec![f32::NAN, 0.1, 0.7]);
        let tensor = Tensor::new(Shape::new(vec![3]).unwrap(), scores).unwrap();
        let best = best(&tensor, 3, false, &[]).unwrap();
        let expected = ["0.700000:2", "0.100000:1", "NaN:0"];
        assert_eq!(best.data().as_slice::<CompactString>().unwrap(), expected);
    }
}
