//! Windows that slide over each channel by itself: weighted sums, maxima and means.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Activation;
use super::image::{Layout, Window};
use super::scratch;
use super::vector;
use crate::courtesy;

/// What becomes of the numbers in a window.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) enum Slide<'a> {
    /// Their sum with weights, one for each place of the window and channel, and what follows.
    Weighted { weights: &'a [f32], bias: &'a [f32], activation: Activation },
    /// The largest; what is not a number is passed over, as tract does.
    Largest,
    /// Their sum, times a factor for each place of the output.
    Sum { factors: &'a [f32] },
}

/// Slides over channels that lie one after another.
pub(in crate::engine::tract) fn slide(
    window: Window,
    slide: Slide<'_>,
    image: &[f32],
    output: &mut [f32],
) {
    let layout = Layout::new(window);
    // Vectors run over the end of a row.
    scratch::with([layout.plane + LONGEST, 0], |[copy, _]| {
        Arch::new().dispatch(Run { window, slide, image, output, layout: &layout, copy });
    });
}

/// Numbers that are gathered between two points where the run may stand still.
const GIVING_WAY: usize = 4096;

/// Numbers in the longest vector.
const LONGEST: usize = 16;

/// All below is inlined into one function, as in `convolve`.
struct Run<'a> {
    window: Window,
    slide: Slide<'a>,
    image: &'a [f32],
    output: &'a mut [f32],
    layout: &'a Layout,
    copy: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { window, slide, image, output, layout, copy } = self;
        let [height, width] = window.kernel;
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let offsets: Vec<usize> = places.map(|(y, x)| layout.offset(y, x)).collect();
        let margin = match slide {
            Slide::Largest => f32::MIN,
            Slide::Weighted { .. } | Slide::Sum { .. } => 0.0,
        };
        let channel = (window.input[0] * window.input[1]).max(1);
        let giving_way = layout.channels_in(GIVING_WAY);
        let images = image.chunks_exact(channel);
        let outputs = output.chunks_exact_mut(window.pixels().max(1));
        for (number, (image, output)) in images.zip(outputs).enumerate() {
            if number.is_multiple_of(giving_way) {
                courtesy::point();
            }
            let plane = &mut copy[..layout.plane];
            match slide {
                Slide::Weighted { .. } => layout.fill(image, plane, margin, vector::not_denormal),
                Slide::Largest | Slide::Sum { .. } => layout.fill(image, plane, margin, |x| x),
            }
            let rows = Rows { window, layout, copy, offsets: &offsets };
            match slide {
                Slide::Weighted { weights, bias, activation } => {
                    let weights = &weights[number * offsets.len()..][..offsets.len()];
                    rows.each(simd, output, &Weighted { weights, bias: bias[number], activation });
                }
                Slide::Largest => rows.each(simd, output, &Largest),
                Slide::Sum { factors } => rows.each(simd, output, &Sum { factors }),
            }
        }
    }
}

/// How the numbers of a window become one.
trait Fold {
    fn start<S: Simd>(&self, simd: S) -> S::f32s;
    fn fold<S: Simd>(&self, simd: S, folded: S::f32s, place: usize, x: S::f32s) -> S::f32s;
    /// `at` is the place in the output.
    fn last<S: Simd>(&self, simd: S, folded: S::f32s, at: usize) -> S::f32s;
}

struct Weighted<'a> {
    weights: &'a [f32],
    bias: f32,
    activation: Activation,
}

impl Fold for Weighted<'_> {
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> S::f32s {
        simd.splat_f32s(self.bias)
    }

    #[inline(always)]
    fn fold<S: Simd>(&self, simd: S, folded: S::f32s, place: usize, x: S::f32s) -> S::f32s {
        simd.mul_add_f32s(simd.splat_f32s(self.weights[place]), x, folded)
    }

    #[inline(always)]
    fn last<S: Simd>(&self, simd: S, folded: S::f32s, _: usize) -> S::f32s {
        self.activation.of(simd, folded)
    }
}

struct Largest;

impl Fold for Largest {
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> S::f32s {
        simd.splat_f32s(f32::MIN)
    }

    #[inline(always)]
    fn fold<S: Simd>(&self, simd: S, folded: S::f32s, _: usize, x: S::f32s) -> S::f32s {
        // Where one is not a number the second operand is the answer.
        simd.max_f32s(x, folded)
    }

    #[inline(always)]
    fn last<S: Simd>(&self, _: S, folded: S::f32s, _: usize) -> S::f32s {
        folded
    }
}

struct Sum<'a> {
    factors: &'a [f32],
}

impl Fold for Sum<'_> {
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> S::f32s {
        simd.splat_f32s(0.0)
    }

    #[inline(always)]
    fn fold<S: Simd>(&self, simd: S, folded: S::f32s, _: usize, x: S::f32s) -> S::f32s {
        simd.add_f32s(folded, x)
    }

    #[inline(always)]
    fn last<S: Simd>(&self, simd: S, folded: S::f32s, at: usize) -> S::f32s {
        let factors = &self.factors[at..self.factors.len().min(at + S::F32_LANES)];
        simd.mul_f32s(folded, vector::load(simd, factors))
    }
}

/// The rows of one channel.
struct Rows<'a> {
    window: Window,
    layout: &'a Layout,
    copy: &'a [f32],
    offsets: &'a [usize],
}

impl Rows<'_> {
    #[inline(always)]
    fn each<S: Simd>(&self, simd: S, output: &mut [f32], fold: &impl Fold) {
        let [rows, columns] = self.window.output;
        for row in 0..rows {
            let copy = &self.copy[self.layout.start(row)..];
            for column in (0..columns).step_by(S::F32_LANES) {
                let mut folded = fold.start(simd);
                for (place, offset) in self.offsets.iter().enumerate() {
                    let values = &copy[offset + column..][..S::F32_LANES];
                    folded = fold.fold(simd, folded, place, vector::load(simd, values));
                }
                let at = row * columns + column;
                // What runs over the row is overwritten by the next one.
                let end = output.len().min(at + S::F32_LANES);
                vector::store(simd, &mut output[at..end], fold.last(simd, folded, at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(side: usize, channels: usize) -> u32 {
        let [one, none, size] = [[1; 2], [0; 2], [side; 2]];
        let window = Window {
            kernel: one,
            stride: one,
            dilation: one,
            before: none,
            input: size,
            output: size,
        };
        let image = vec![1.0; channels * side * side];
        let mut output = vec![0.0; image.len()];
        let points = courtesy::points_of(|| slide(window, Slide::Largest, &image, &mut output));
        assert_eq!(output, image);
        points
    }

    #[test]
    fn large_channels_give_way_each_and_small_ones_now_and_then() {
        assert_eq!(points(64, 3), 3);
        let few = points(4, 1024);
        assert!((2..=64).contains(&few), "{few}");
    }
}
