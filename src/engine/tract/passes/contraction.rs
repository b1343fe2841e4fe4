//! Products of a value with a constant matrix, whatever axes tract gave them: it leaves axes of
//! one out, puts others in, and sums over several where a reshape came before.

use std::ops::Range;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

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
    /// A row for each channel of the output.
    pub(super) weights: Vec<f32>,
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
        let first = axes.summed.first()?.0;
        let summed = first..first + axes.summed.len();
        let neighbours = axes.summed.iter().map(|(value, _)| *value).eq(summed.clone());
        (neighbours && axes.keep_their_order(&summed)).then_some(())?;
        let order = [axes.channels].into_iter().chain(axes.summed.iter().map(|(_, axis)| *axis));
        let order: Vec<usize> = order.chain(axes.ones).collect();
        let view = matrix.to_plain_array_view::<f32>().ok()?.permuted_axes(order);
        let rows = *view.shape().first()?;
        let weights: Vec<f32> = view.iter().copied().collect();
        let depth = weights.len().checked_div(rows).filter(|depth| *depth > 0)?;
        Some(Self { value: left, summed, output: axes.output, weights, depth })
    }

    /// Where the output has its channels.
    pub(super) fn channel_axis(&self) -> Option<usize> {
        self.output.iter().position(|source| *source == Source::Channels)
    }
}

/// The axes of a product by what becomes of them.
struct Axes {
    /// Of the value, with those of the matrix; in the order of the value.
    summed: Vec<(usize, usize)>,
    /// Of the matrix: the one that goes to the output.
    channels: usize,
    /// Of the matrix: those of one.
    ones: Vec<usize>,
    output: Vec<Source>,
}

impl Axes {
    fn read(einsum: &EinSum, value: &ShapeFact, matrix: &[usize], rank: usize) -> Option<Self> {
        let (mut summed, mut ones, mut channels) = (Vec::new(), Vec::new(), None);
        let mut output = vec![Source::One; rank];
        for axis in einsum.axes.iter_all_axes() {
            match (&*axis.inputs[0], &*axis.inputs[1], &*axis.outputs[0]) {
                (&[value], &[matrix], []) => summed.push((value, matrix)),
                (&[value], [], &[out]) => output[out] = Source::Axis(value),
                (&[axis], [], []) if value[axis] == 1.to_dim() => {}
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
        Some(Self { summed, channels: channels?, ones, output })
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
