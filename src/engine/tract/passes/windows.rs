//! Windows over images whose channels are the last axis: what a window meets of a row of pixels
//! lies in one piece, so the rows of a product can be read where they are.

use std::borrow::Cow;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::PoolSpec;
use tract_onnx::tract_hir::internal::ensure;

use super::convolved::window;
use crate::engine::tract::kernels::Rows;

/// The windows of all images.
pub(super) struct Windows<'a> {
    /// The images, with their margins.
    values: Cow<'a, [f32]>,
    starts: Vec<usize>,
    piece: usize,
    pieces: usize,
    step: usize,
}

/// Whether windows are made of pieces at equal distances.
pub(super) fn takes(spec: &PoolSpec) -> bool {
    let dense_columns = spec.kernel_shape.last() == Some(&1) || spec.dilations().last() == Some(&1);
    spec.data_format.c_is_last() && (1..=2).contains(&spec.rank()) && dense_columns
}

impl<'a> Windows<'a> {
    pub(super) fn new(spec: &PoolSpec, shape: &[usize], values: &'a [f32]) -> TractResult<Self> {
        let first = usize::from(spec.data_format.has_n());
        let pixels = &shape[first..first + spec.rank()];
        let window = window(spec, pixels)?;
        let channels = shape[first + spec.rank()];
        ensure!(channels == spec.input_channels, "expected {} channels", spec.input_channels);
        let images: usize = shape[..first].iter().product();
        // What the windows reach of an image, its margins included.
        let [rows, columns] = [0, 1].map(|axis| {
            (window.output[axis].max(1) - 1) * window.stride[axis]
                + (window.kernel[axis] - 1) * window.dilation[axis]
                + 1
        });
        let inside =
            window.before == [0, 0] && rows <= window.input[0] && columns <= window.input[1];
        let (values, [rows, columns]) = if inside {
            (Cow::Borrowed(values), window.input)
        } else {
            let mut copy = vec![0.0; images * rows * columns * channels];
            let row = columns * channels;
            let [top, left] = window.before;
            let kept = window.input[1].min(columns.saturating_sub(left)) * channels;
            for (number, source) in
                values.chunks_exact((window.input[1] * channels).max(1)).enumerate()
            {
                let (image, y) = (number / window.input[0], number % window.input[0] + top);
                if y < rows {
                    let start = (image * rows + y) * row + left * channels;
                    copy[start..start + kept].copy_from_slice(&source[..kept]);
                }
            }
            (Cow::Owned(copy), [rows, columns])
        };
        let row = columns * channels;
        let starts = (0..images).flat_map(|image| {
            (0..window.output[0]).flat_map(move |y| {
                let line = (image * rows + y * window.stride[0]) * row;
                (0..window.output[1]).map(move |x| line + x * window.stride[1] * channels)
            })
        });
        let (starts, pieces) = (starts.collect(), window.kernel[0]);
        let piece = window.kernel[1] * channels;
        Ok(Self { values, starts, piece, pieces, step: window.dilation[0] * row })
    }

    /// Numbers in a window.
    pub(super) fn depth(&self) -> usize {
        self.piece * self.pieces
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        let Self { values, starts, piece, step, .. } = self;
        Rows { values, starts, piece: *piece, step: *step }
    }
}
