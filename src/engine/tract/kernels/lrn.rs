//! Local response normalisation: each number divided by a power of the squares of its
//! neighbours among the channels.

use pulp::{Arch, Simd, WithSimd};

use super::vector;

/// The numbers of the operator of ONNX; its exponent is 3/4, as in every network that has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::engine::tract) struct Lrn {
    pub(in crate::engine::tract) alpha: f32,
    pub(in crate::engine::tract) bias: f32,
    pub(in crate::engine::tract) size: usize,
}

impl Lrn {
    /// One image, its channels one after another.
    pub(in crate::engine::tract) fn run(self, channels: usize, image: &[f32], output: &mut [f32]) {
        Arch::new().dispatch(Run { lrn: self, channels, image, output });
    }
}

struct Run<'a> {
    lrn: Lrn,
    channels: usize,
    image: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { lrn: Lrn { alpha, bias, size }, channels, image, output } = self;
        let pixels = image.len() / channels.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a handful of channels")]
        let factor = simd.splat_f32s(alpha / size as f32);
        let bias = simd.splat_f32s(bias);
        for start in (0..pixels).step_by(S::F32_LANES) {
            let width = S::F32_LANES.min(pixels - start);
            for channel in 0..channels {
                let first = channel.saturating_sub((size - 1) / 2);
                let last = (channel + (size - 1).div_ceil(2)).min(channels - 1);
                let mut squares = simd.splat_f32s(0.0);
                for neighbour in first..=last {
                    let x = vector::load(simd, &image[neighbour * pixels + start..][..width]);
                    squares = simd.mul_add_f32s(x, x, squares);
                }
                let base = simd.mul_add_f32s(factor, squares, bias);
                let root = simd.sqrt_f32s(base);
                let power = simd.mul_f32s(root, simd.sqrt_f32s(root));
                let place = channel * pixels + start..channel * pixels + start + width;
                let x = vector::load(simd, &image[place.clone()]);
                vector::store(simd, &mut output[place], simd.div_f32s(x, power));
            }
        }
    }
}
