//! Loops over floats that the passes' operators run: plain slices in, plain slices out, nothing
//! of tract. They use the widest vectors that the processor turns out to have.

#![expect(
    clippy::inline_always,
    reason = "a kernel must become one function: only that is compiled for the vectors it uses"
)]

mod activation;
mod convolve;
mod dense;
mod gather;
mod image;
mod lrn;
mod scratch;
mod slide;
mod softmax;
mod tile;
mod vector;
mod weights;

pub(super) use activation::Activation;
pub(super) use convolve::{Convolution, Preparation, convolve};
pub(super) use dense::{Rows, dense};
pub(super) use image::Window;
pub(super) use lrn::Lrn;
pub(super) use slide::{Slide, slide};
pub(super) use softmax::softmax;
pub(super) use tile::{Bias, Finish};
pub(super) use weights::{ColumnPanels, Lines, ROWS, RowPanels};

/// Whether the processor has vectors that are worth the kernels: AVX2 or AVX-512.
pub(super) fn are_worth_it() -> bool {
    !matches!(pulp::Arch::new(), pulp::Arch::Scalar)
}
