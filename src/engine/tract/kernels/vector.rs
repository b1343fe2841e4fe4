//! Vectors from and to slices that may be shorter.

use pulp::Simd;

/// A slice of at most one vector; what is missing is zero.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, slice: &[f32]) -> S::f32s {
    match S::as_simd_f32s(slice) {
        ([vector], []) => *vector,
        _ => simd.partial_load_f32s(slice),
    }
}

/// As much of a vector as the slice holds, which is at most all of it.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, slice: &mut [f32], vector: S::f32s) {
    match S::as_mut_simd_f32s(slice) {
        ([whole], []) => *whole = vector,
        _ => simd.partial_store_f32s(slice, vector),
    }
}

/// A slice of at most one vector; what is missing is taken from another.
#[inline(always)]
pub(super) fn load_or<S: Simd>(simd: S, slice: &[f32], missing: S::f32s) -> S::f32s {
    if let ([vector], []) = S::as_simd_f32s(slice) {
        return *vector;
    }
    let length = u32::try_from(slice.len()).unwrap_or(u32::MAX);
    let there = simd.mask_between_m32s(0, length).mask();
    simd.select_f32s(there, simd.partial_load_f32s(slice), missing)
}

/// Numbers too small for full precision are nought: products with them take a hundred times as
/// long, and tract's kernels count them as nought, too.
#[inline(always)]
pub(super) fn without_denormals<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let smallest = simd.splat_f32s(f32::MIN_POSITIVE);
    let denormal = simd.less_than_f32s(simd.abs_f32s(x), smallest);
    simd.select_f32s(denormal, simd.splat_f32s(0.0), x)
}

/// The same for one number; loops over it become vectors.
#[inline(always)]
pub(super) fn not_denormal(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}
