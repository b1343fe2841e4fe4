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
