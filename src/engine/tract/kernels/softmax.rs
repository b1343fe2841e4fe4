//! Softmax over rows of numbers.

use pulp::{Arch, Simd, WithSimd};

use super::vector;

/// Turns each row into shares of one.
pub(in crate::engine::tract) fn softmax(row: usize, values: &mut [f32]) {
    Arch::new().dispatch(Run { row, values });
}

struct Run<'a> {
    row: usize,
    values: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.values.chunks_exact_mut(self.row.max(1)) {
            let lowest = simd.splat_f32s(f32::NEG_INFINITY);
            let mut largest = lowest;
            for values in row.chunks(S::F32_LANES) {
                let values = vector::load_or(simd, values, lowest);
                // What is not a number stays: the second operand is the answer then.
                largest = simd.max_f32s(largest, values);
            }
            let largest = simd.splat_f32s(simd.reduce_max_f32s(largest));
            let mut sum = simd.splat_f32s(0.0);
            for values in row.chunks_mut(S::F32_LANES) {
                let x = vector::load_or(simd, values, lowest);
                let power = exp(simd, simd.sub_f32s(x, largest));
                sum = simd.add_f32s(sum, power);
                vector::store(simd, values, power);
            }
            let share = simd.splat_f32s(simd.reduce_sum_f32s(sum).recip());
            for values in row.chunks_mut(S::F32_LANES) {
                let power = vector::load(simd, values);
                vector::store(simd, values, simd.mul_f32s(power, share));
            }
        }
    }
}

/// The exponential of numbers up to zero, within two roundings: a power of two times a
/// polynomial, with the coefficients of Cephes' `expf`.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Added to a small number it leaves the nearest integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    /// Below, results would be denormal.
    const LOWEST: f32 = -87.336_54;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const COEFFICIENTS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let rounded =
        simd.mul_add_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), simd.splat_f32s(ROUND));
    let twos = simd.sub_f32s(rounded, simd.splat_f32s(ROUND));
    let rest = simd.mul_add_f32s(twos, simd.splat_f32s(-LN_2[0]), x);
    let rest = simd.mul_add_f32s(twos, simd.splat_f32s(-LN_2[1]), rest);
    let mut sum = simd.splat_f32s(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        sum = simd.mul_add_f32s(sum, rest, simd.splat_f32s(*coefficient));
    }
    let square = simd.mul_f32s(rest, rest);
    let sum = simd.add_f32s(simd.mul_add_f32s(sum, square, rest), simd.splat_f32s(1.0));
    // The integer becomes the exponent of a float.
    let bias = simd.splat_u32s(127u32.wrapping_sub(ROUND.to_bits()));
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(rounded), bias);
    let power = simd.mul_u32s(exponent, simd.splat_u32s(1 << 23));
    let result = simd.mul_f32s(sum, simd.transmute_f32s_u32s(power));
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(LOWEST));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), result)
}
