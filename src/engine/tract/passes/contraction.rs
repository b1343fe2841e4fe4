//! Products of a value with a constant matrix, whatever axes tract gave them: it leaves axes of
//! one out, puts others in, and sums over several where a reshape came before.

use std::ops::Range;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::chain::floats;
use crate::courtesy;
use crate::engine::tract::kernels::Lines;

/// Where an axis of the output comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// This axis of the value.
    Axis(usize),
    /// This one of the axes behind the channels, as a window leaves it.
    Pixel(usize),
    /// The rows of the matrix.
    Channels,
    /// There is one.
    One,
}

/// A product that leaves the order of axes as it is: some neighbouring axes of the value become
/// the channels of the output.
pub(super) struct Contraction {
    pub(super) value: OutletId,
    /// The axes of the value that are summed over.
    pub(super) summed: Range<usize>,
    /// One for each axis of the output.
    pub(super) output: Vec<Source>,
    pub(super) matrix: Matrix,
}

/// A constant with a row for each channel of the output, whatever the order of its axes.
pub(super) struct Matrix {
    values: Arc<Tensor>,
    /// The axis of channels, then those that are summed over, then those of one.
    order: Vec<usize>,
    pub(super) rows: usize,
    /// Numbers in a row.
    pub(super) depth: usize,
}

impl Contraction {
    pub(super) fn of(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let einsum = node.op_as::<EinSum>()?;
        let [left, right] = *node.inputs else { return None };
        if einsum.q_params.is_some() || model.outlet_fact(left).ok()?.konst.is_some() {
            return None;
        }
        let fact = model.outlet_fact(left).ok()?;
        let matrix = model.outlet_fact(right).ok()?.konst.clone()?;
        if fact.datum_type != DatumType::F32 || matrix.datum_type() != DatumType::F32 {
            return None;
        }
        let rank = model.outlet_fact(node.id.into()).ok()?.rank();
        let axes = Axes::read(einsum, &fact.shape, matrix.shape(), rank)?;
        let summed = axes.summed()?;
        axes.keep_their_order(&summed).then_some(())?;
        let order = [axes.channels].into_iter().chain(axes.summed.iter().map(|(_, axis)| *axis));
        let matrix = Matrix::new(matrix, order.chain(axes.ones).collect())?;
        Some(Self { value: left, summed, output: axes.output, matrix })
    }

    /// Where the output has its channels.
    pub(super) fn channel_axis(&self) -> Option<usize> {
        self.output.iter().position(|source| *source == Source::Channels)
    }
}

impl Matrix {
    /// A constant whose axes come in this order: that of the rows, then those inside of rows.
    pub(super) fn new(values: Arc<Tensor>, order: Vec<usize>) -> Option<Self> {
        let rows = *values.shape().get(*order.first()?)?;
        let depth = values.len().checked_div(rows).filter(|depth| *depth > 0)?;
        Some(Self { values, order, rows, depth })
    }

    pub(super) fn values(&self) -> Arc<Tensor> {
        Arc::clone(&self.values)
    }

    /// As it is where rows or columns lie one after another, else a copy.
    pub(super) fn lines(&self) -> Option<Lines<'_>> {
        let values = floats(&self.values)?;
        let shape = self.values.shape();
        let long = self.order.iter().copied().filter(|axis| shape[*axis] > 1);
        let axes: Vec<usize> = long.collect();
        if axes.is_sorted() {
            return Some(Lines { values: values.into(), row: self.depth, step: 1 });
        }
        // Most exporters write a row for each number that is summed over. If there is only one
        // channel, the last axis is another one, and the numbers are in another order.
        if let [last, before @ ..] = &*axes
            && self.order.first() == Some(last)
            && before.is_sorted()
            && Some(last) > before.last()
        {
            return Some(Lines { values: values.into(), row: 1, step: shape[*last] });
        }
        let view = self.values.to_plain_array_view::<f32>().ok()?;
        let turned: Vec<f32> = view.permuted_axes(&*self.order).iter().copied().collect();
        Some(Lines { values: turned.into(), row: self.depth, step: 1 })
    }

    /// Row after row: a copy of the whole.
    pub(super) fn to_rows(&self) -> Option<Vec<f32>> {
        let Lines { values, step, .. } = self.lines()?;
        Some(if step == 1 { values.into_owned() } else { transposed(&values, step) })
    }
}

/// Numbers from a column that are read together: so many lines stay in the second cache.
const TURNED: usize = 16;

/// Columns of a matrix as rows, by blocks: along a whole column, each number is in a line of its
/// own, which would be fetched again for the next column.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let depth = values.len().checked_div(columns).unwrap_or(0);
    let mut rows = vec![0.0; values.len()];
    for first in (0..depth).step_by(TURNED) {
        courtesy::point();
        let lines = first..depth.min(first + TURNED);
        for (column, row) in rows.chunks_exact_mut(depth).enumerate() {
            for (value, line) in row[lines.clone()].iter_mut().zip(lines.clone()) {
                *value = values[line * columns + column];
            }
        }
    }
    rows
}

/// The axes of a product by what becomes of them.
struct Axes {
    /// Of the value, with those of the matrix; in the order of the value.
    summed: Vec<(usize, usize)>,
    /// Of the matrix: the one that goes to the output.
    channels: usize,
    /// Of the value: those of one.
    alone: Vec<usize>,
    /// Of the matrix: those of one.
    ones: Vec<usize>,
    output: Vec<Source>,
}

impl Axes {
    fn read(einsum: &EinSum, value: &ShapeFact, matrix: &[usize], rank: usize) -> Option<Self> {
        let (mut summed, mut alone, mut ones) = (Vec::new(), Vec::new(), Vec::new());
        let mut channels = None;
        let mut output = vec![Source::One; rank];
        for axis in einsum.axes.iter_all_axes() {
            match (&*axis.inputs[0], &*axis.inputs[1], &*axis.outputs[0]) {
                (&[value], &[matrix], []) => summed.push((value, matrix)),
                (&[value], [], &[out]) => output[out] = Source::Axis(value),
                (&[axis], [], []) if value[axis] == 1.to_dim() => alone.push(axis),
                ([], &[axis], &[out]) if channels.is_none() => {
                    channels = Some(axis);
                    output[out] = Source::Channels;
                }
                ([], &[axis], []) if matrix[axis] == 1 => ones.push(axis),
                ([], [], [_]) => {}
                _ => return None,
            }
        }
        summed.sort_unstable();
        Some(Self { summed, channels: channels?, alone, ones, output })
    }

    /// Of the value, if they are neighbours. tract leaves a sum over one number out, of which
    /// only the axis remains.
    fn summed(&self) -> Option<Range<usize>> {
        let Some((first, _)) = self.summed.first() else {
            let [alone] = *self.alone else { return None };
            return Some(alone..alone + 1);
        };
        let summed = *first..first + self.summed.len();
        self.summed.iter().map(|(value, _)| *value).eq(summed.clone()).then_some(summed)
    }

    /// Whether what comes before the sum still does, and what comes behind it too.
    fn keep_their_order(&self, summed: &Range<usize>) -> bool {
        let places = self.output.iter().filter_map(|source| match source {
            Source::Axis(axis) => Some(*axis),
            Source::Channels => Some(summed.start),
            Source::Pixel(_) | Source::One => None,
        });
        places.is_sorted()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The order of the axes, and how many there are of each.
    fn matrices() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        let size = prop_oneof![Just(1usize), 1usize..40];
        prop::collection::vec(size, 1..5).prop_flat_map(|shape| {
            let axes: Vec<usize> = (0..shape.len()).collect();
            (Just(axes).prop_shuffle(), Just(shape))
        })
    }

    proptest! {
        #[test]
        fn axes_in_any_order_become_the_rows_that_a_permutation_gives(
            (order, shape) in matrices(),
        ) {
            let count: usize = shape.iter().product();
            #[expect(clippy::cast_precision_loss, reason = "a few numbers")]
            let values: Vec<f32> = (0..count).map(|at| at as f32).collect();
            let values = Tensor::from_shape(&shape, &values).unwrap();
            let view = values.to_plain_array_view::<f32>().unwrap().permuted_axes(&*order);
            let expected: Vec<f32> = view.iter().copied().collect();
            let matrix = Matrix::new(Arc::new(values.clone()), order).unwrap();
            let Lines { values, row, step } = matrix.lines().unwrap();
            let places = (0..matrix.rows).flat_map(|r| (0..matrix.depth).map(move |k| (r, k)));
            let found: Vec<f32> = places.map(|(r, k)| values[r * row + k * step]).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(matrix.to_rows(), Some(expected));
        }
    }
}
