//! Convolution as a product of matrices whose right side never exists as a whole: a panel of its
//! columns at a time is gathered from the image, and meets all weights while it is in the cache.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::activation::Activation;
use super::gather::{Columns, Gather, Pieces, Points};
use super::image::{Layout, Window};
use super::scratch;
use super::tile::{self, Finish, Place, Stretch, VECTORS};
use super::vector;
use super::weights::{ROWS, RowPanels};
use crate::courtesy;

/// Steps of the sum that a panel of columns holds: with two vectors each they fill most of the
/// first cache.
const DEPTH: usize = 320;

/// Numbers that are copied between two points where the run may stand still.
const GIVING_WAY: usize = 1 << 15;

/// Columns of a panel where vectors are longest.
const WIDEST: usize = VECTORS * 16;

/// One group of channels of one image.
pub(in crate::engine::tract) struct Convolution<'a> {
    pub(in crate::engine::tract) window: Window,
    /// A row per channel of the output.
    pub(in crate::engine::tract) weights: &'a RowPanels,
    /// The panels to work on: the output starts with the first row of the first.
    pub(in crate::engine::tract) panels: Range<usize>,
    pub(in crate::engine::tract) preparation: Option<Preparation<'a>>,
    /// For the rows of these panels.
    pub(in crate::engine::tract) finish: Finish<'a>,
}

/// What the image goes through first, channel by channel; only for windows of one point.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) struct Preparation<'a> {
    pub(in crate::engine::tract) scale: &'a [f32],
    pub(in crate::engine::tract) offset: &'a [f32],
    pub(in crate::engine::tract) activation: Activation,
}

/// The channels of an image, which may come from several tensors.
pub(in crate::engine::tract) type Image<'a> = [&'a [f32]];

/// Writes the output's channels one after another.
pub(in crate::engine::tract) fn convolve(
    convolution: &Convolution<'_>,
    image: &Image<'_>,
    output: &mut [f32],
) {
    with_memory(convolution, image, output, |run| Arch::new().dispatch(run));
}

fn with_memory(
    convolution: &Convolution<'_>,
    image: &Image<'_>,
    output: &mut [f32],
    work: impl FnOnce(Run<'_>),
) {
    let layout = (!convolution.window.is_point()).then(|| Layout::new(convolution.window));
    // Copies of whole vectors run over the end.
    let copied = layout.as_ref().map_or(0, |layout| image.len() * layout.plane + WIDEST);
    scratch::with([copied, (DEPTH + 1) * WIDEST], |[copy, panel]| {
        let layout = layout.as_ref();
        work(Run { convolution, image, layout, output, copy, panel });
    });
}

/// Everything below must become one function, for only that is compiled for the vectors of
/// `simd`: so all of it is always inlined, and no closure meets a vector.
struct Run<'a> {
    convolution: &'a Convolution<'a>,
    image: &'a Image<'a>,
    layout: Option<&'a Layout>,
    output: &'a mut [f32],
    copy: &'a mut [f32],
    panel: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { convolution, image, layout, output, copy, panel } = self;
        if let Some(layout) = layout {
            let planes = copy.chunks_exact_mut(layout.plane.max(1));
            let giving_way = layout.channels_in(GIVING_WAY);
            for (number, (channel, plane)) in image.iter().zip(planes).enumerate() {
                if number.is_multiple_of(giving_way) {
                    courtesy::point();
                }
                layout.fill(channel, plane, 0.0, vector::not_denormal);
            }
            let gather = Pieces::new(convolution.window, layout, copy);
            convolution.multiply(simd, output, panel, &gather);
        } else {
            let points = Points { image, preparation: convolution.preparation };
            convolution.multiply(simd, output, panel, &points);
        }
    }
}

impl Convolution<'_> {
    #[inline(always)]
    fn multiply<S: Simd>(
        &self,
        simd: S,
        output: &mut [f32],
        panel: &mut [f32],
        gather: &impl Gather,
    ) {
        let width = VECTORS * S::F32_LANES;
        let (depth, pixels) = (self.weights.depth(), self.window.pixels());
        let first = self.panels.start * ROWS;
        let block = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
        for from in (0..depth).step_by(block) {
            let to = depth.min(from + block);
            let stretch = Stretch { first: from == 0, last: (to == depth).then_some(&self.finish) };
            for start in (0..pixels).step_by(width) {
                courtesy::point();
                let count = width.min(pixels - start);
                gather.columns(simd, from..to, Columns { start, count }, panel);
                let vectors = count.div_ceil(S::F32_LANES);
                let columns = &S::as_simd_f32s(panel).0[..(to - from) * vectors];
                for (number, rows) in self.weights.panels(self.panels.clone(), from..to) {
                    let row = number * ROWS;
                    let place = Place {
                        stride: pixels,
                        row,
                        column: start,
                        rows: (self.weights.rows() - first - row).min(ROWS),
                        columns: count,
                    };
                    tile::multiply(simd, rows, columns, output, place, stretch);
                }
            }
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use pulp::Scalar;
    use pulp::x86::V3;

    use super::super::tile::Bias;
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |at: usize| (at * (7919 + seed) % 251) as f32 / 125.0 - 1.0;
        (0..count).map(number).collect()
    }

    /// By definition.
    fn reference(window: Window, weights: &[f32], image: &Image<'_>, bias: &[f32]) -> Vec<f32> {
        let [rows, columns] = window.output;
        let [height, width] = window.kernel;
        let depth = image.len() * height * width;
        let mut output = Vec::new();
        for (weights, bias) in weights.chunks_exact(depth).zip(bias) {
            for place in 0..rows * columns {
                let mut sum = *bias;
                for (at, weight) in weights.iter().enumerate() {
                    let (channel, tap) = (at / (height * width), at % (height * width));
                    let [y, x] = [[place / columns, tap / width], [place % columns, tap % width]];
                    let at = |axis: usize, [place, tap]: [usize; 2]| {
                        (place * window.stride[axis] + tap * window.dilation[axis])
                            .checked_sub(window.before[axis])
                            .filter(|at| *at < window.input[axis])
                    };
                    if let (Some(y), Some(x)) = (at(0, y), at(1, x)) {
                        sum += weight * image[channel][y * window.input[1] + x];
                    }
                }
                output.push(sum.max(0.0));
            }
        }
        output
    }

    fn window(kernel: usize, stride: usize, before: usize, input: [usize; 2]) -> Window {
        let output = input.map(|size| (size + 2 * before - kernel) / stride + 1);
        let [kernel, stride, before] = [kernel, stride, before].map(|size| [size; 2]);
        Window { kernel, stride, dilation: [1, 1], before, input, output }
    }

    #[test]
    fn vectors_of_every_length_give_the_same() {
        for (window, channels, rows) in [
            (Window::point(70), 5, 30),
            (window(3, 1, 1, [7, 7]), 40, 13),
            (window(3, 2, 1, [9, 20]), 3, 25),
            (window(5, 3, 2, [16, 33]), 2, 6),
            (window(1, 2, 0, [9, 8]), 4, 12),
        ] {
            let depth = channels * window.kernel[0] * window.kernel[1];
            let values = numbers(channels * window.input[0] * window.input[1], 0);
            let image: Vec<&[f32]> = values.chunks_exact(values.len() / channels).collect();
            let (matrix, bias) = (numbers(rows * depth, 1), numbers(rows, 2));
            let expected = reference(window, &matrix, &image, &bias);
            let weights = RowPanels::pack(&matrix, depth);
            // As two threads share the rows, and all at once.
            let count = rows.div_ceil(ROWS);
            for panels in [0..1, 1..count, 0..count] {
                let [first, last] = [panels.start, panels.end].map(|panel| rows.min(panel * ROWS));
                let pixels = window.pixels();
                let expected = &expected[first * pixels..last * pixels];
                let activation = Activation::Clamp { low: 0.0, high: f32::INFINITY };
                let bias = Bias::Rows(&bias[first..last]);
                let finish = Finish { bias, residual: None, activation };
                let convolution =
                    Convolution { window, weights: &weights, panels, preparation: None, finish };
                let check = |work: &dyn Fn(Run<'_>)| {
                    let mut output = vec![f32::NAN; expected.len()];
                    with_memory(&convolution, &image, &mut output, work);
                    for (found, expected) in output.iter().zip(expected) {
                        assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
                    }
                };
                check(&|run| Arch::new().dispatch(run));
                check(&|run| Simd::vectorize(Scalar, run));
                if let Some(simd) = V3::try_new() {
                    check(&|run| Simd::vectorize(simd, run));
                }
            }
        }
    }

    #[test]
    fn a_long_convolution_gives_way_inside() {
        let window = window(3, 1, 1, [64, 64]);
        let values = numbers(8 * 64 * 64, 0);
        let image: Vec<&[f32]> = values.chunks_exact(64 * 64).collect();
        let weights = RowPanels::pack(&numbers(12 * 8 * 9, 1), 8 * 9);
        let finish =
            Finish { bias: Bias::Rows(&[0.0; 12]), residual: None, activation: Activation::None };
        let panels = 0..1;
        let convolution =
            Convolution { window, weights: &weights, panels, preparation: None, finish };
        let mut output = vec![0.0; 12 * 64 * 64];
        let points = courtesy::points_of(|| convolve(&convolution, &image, &mut output));
        let [copied, multiplied] = [8 * 66 * 66 / GIVING_WAY, 64 * 64 / WIDEST];
        assert!(points as usize >= copied + multiplied, "{points}");
    }
}
