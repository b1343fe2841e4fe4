//! Images as a convolution reads them: with their margins, and with the columns that a
//! stride skips laid aside, so that what one weight meets lies in one piece.

/// The window of a convolution, over rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::tract) struct Window {
    pub(in crate::engine::tract) kernel: [usize; 2],
    pub(in crate::engine::tract) stride: [usize; 2],
    pub(in crate::engine::tract) dilation: [usize; 2],
    /// Margins above and to the left.
    pub(in crate::engine::tract) before: [usize; 2],
    /// Rows and columns of the image.
    pub(in crate::engine::tract) input: [usize; 2],
    pub(in crate::engine::tract) output: [usize; 2],
}

impl Window {
    /// Every pixel by itself.
    pub(in crate::engine::tract) fn point(pixels: usize) -> Self {
        Self {
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
            input: [1, pixels],
            output: [1, pixels],
        }
    }

    /// A window of one number that stops everywhere: the image can be read as it is.
    pub(super) fn is_point(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.before == [0, 0]
    }

    pub(super) fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }
}

/// How an image lies in memory for a window.
pub(super) struct Layout {
    window: Window,
    /// Columns of each kind: one kind for every offset to a multiple of the stride.
    width: usize,
    /// Numbers in a row: columns of all kinds.
    row: usize,
    /// Numbers in a channel.
    pub(super) plane: usize,
}

impl Layout {
    pub(super) fn new(window: Window) -> Self {
        let reach = |axis: usize| {
            (window.output[axis].max(1) - 1) * window.stride[axis]
                + (window.kernel[axis].max(1) - 1) * window.dilation[axis]
                + 1
        };
        let width = reach(1).div_ceil(window.stride[1]);
        let row = width * window.stride[1];
        Self { window, width, row, plane: row * reach(0) }
    }

    /// Where a weight's first number lies in a channel.
    pub(super) fn offset(&self, y: usize, x: usize) -> usize {
        let (y, x) = (y * self.window.dilation[0], x * self.window.dilation[1]);
        let stride = self.window.stride[1];
        y * self.row + x % stride * self.width + x / stride
    }

    /// Whether the window ever meets rows, or columns, at this offset to a multiple of the stride.
    #[inline(always)]
    fn meets(&self, axis: usize, at: usize) -> bool {
        let Window { kernel, stride, dilation, .. } = self.window;
        kernel[axis] >= stride[axis]
            || (0..kernel[axis])
                .any(|step| step * dilation[axis] % stride[axis] == at % stride[axis])
    }

    /// Where the numbers for an output row start, from a weight's first.
    pub(super) fn start(&self, output_row: usize) -> usize {
        output_row * self.window.stride[0] * self.row
    }

    /// Channels whose planes make up so many numbers, one at least.
    pub(super) fn channels_in(&self, numbers: usize) -> usize {
        (numbers / self.plane.max(1)).max(1)
    }

    /// Writes a channel into its plane, with margins of this number and `change` done to those
    /// inside.
    #[inline(always)]
    pub(super) fn fill(
        &self,
        channel: &[f32],
        plane: &mut [f32],
        margin: f32,
        change: impl Fn(f32) -> f32 + Copy,
    ) {
        let [rows, columns] = self.window.input;
        let [top, left] = self.window.before;
        for (number, target) in plane.chunks_exact_mut(self.row).enumerate() {
            if !self.meets(0, number) {
                continue;
            }
            let row = number.checked_sub(top).filter(|row| *row < rows);
            let Some(source) = row.map(|row| &channel[row * columns..][..columns]) else {
                target.fill(margin);
                continue;
            };
            if self.window.stride[1] == 1 {
                let (before, rest) = target.split_at_mut(left.min(self.row));
                let (inside, after) = rest.split_at_mut(columns.min(rest.len()));
                before.fill(margin);
                for (target, value) in inside.iter_mut().zip(source) {
                    *target = change(*value);
                }
                after.fill(margin);
            } else {
                self.scatter(source, target, margin, change);
            }
        }
    }

    /// A row with a stride: each kind of columns by itself.
    #[inline(always)]
    fn scatter(
        &self,
        source: &[f32],
        target: &mut [f32],
        margin: f32,
        change: impl Fn(f32) -> f32 + Copy,
    ) {
        let (stride, left) = (self.window.stride[1], self.window.before[1]);
        for (kind, target) in target.chunks_exact_mut(self.width).enumerate() {
            if !self.meets(1, kind) {
                continue;
            }
            target.fill(margin);
            // Margins come first; then every column of the source that is of this kind.
            let outside = left.saturating_sub(kind).div_ceil(stride);
            let first = outside * stride + kind - left;
            let target = &mut target[outside.min(self.width)..];
            every(stride, source.get(first..).unwrap_or_default(), target, change);
        }
    }
}

/// Copies the first number and then every so many.
#[inline(always)]
fn every(stride: usize, source: &[f32], target: &mut [f32], change: impl Fn(f32) -> f32) {
    if stride == 2 {
        // The common case, said so that it becomes shuffles of vectors.
        let (pairs, rest) = source.as_chunks::<2>();
        let (paired, unpaired) = target.split_at_mut(pairs.len().min(target.len()));
        for (target, pair) in paired.iter_mut().zip(pairs) {
            *target = change(pair[0]);
        }
        if let ([last], Some(target)) = (rest, unpaired.first_mut()) {
            *target = change(*last);
        }
    } else {
        for (target, value) in target.iter_mut().zip(source.iter().step_by(stride)) {
            *target = change(*value);
        }
    }
}
