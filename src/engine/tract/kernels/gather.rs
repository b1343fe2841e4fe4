//! Where the columns of a convolution's product come from: gathered from the image, a panel at a
//! time.

use std::ops::Range;

use pulp::Simd;

use super::convolve::{Image, Preparation};
use super::image::{Layout, Window};
use super::tile::VECTORS;
use super::vector;

/// Steps of the sum.
pub(super) type Depth = Range<usize>;

/// Columns of the product: where they start, and how many.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) start: usize,
    pub(super) count: usize,
}

/// Where the columns come from.
pub(super) trait Gather {
    /// Writes a panel: one or two vectors for each step of the depth.
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]);
}

/// Columns for a window of one point: the image as it is, or prepared.
pub(super) struct Points<'a> {
    pub(super) image: &'a Image<'a>,
    pub(super) preparation: Option<Preparation<'a>>,
}

impl Gather for Points<'_> {
    #[inline(always)]
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]) {
        let Columns { start, count } = columns;
        let width = count.div_ceil(S::F32_LANES) * S::F32_LANES;
        for (k, target) in depth.zip(panel.chunks_exact_mut(width)) {
            let source = &self.image[k][start..start + count];
            let targets = S::as_mut_simd_f32s(target).0;
            match &self.preparation {
                None => {
                    for (source, target) in source.chunks(S::F32_LANES).zip(targets) {
                        let x = vector::load(simd, source);
                        *target = vector::without_denormals(simd, x);
                    }
                }
                Some(Preparation { scale, offset, activation }) => {
                    let scale = simd.splat_f32s(scale[k]);
                    let offset = simd.splat_f32s(offset[k]);
                    for (source, target) in source.chunks(S::F32_LANES).zip(targets) {
                        let x = vector::load(simd, source);
                        let x = activation.of(simd, simd.mul_add_f32s(x, scale, offset));
                        *target = vector::without_denormals(simd, x);
                    }
                }
            }
        }
    }
}

/// Columns for a larger window, out of the copy of the image.
pub(super) struct Pieces<'a> {
    window: Window,
    layout: &'a Layout,
    copy: &'a [f32],
    /// Where the numbers of each weight start.
    offsets: Vec<usize>,
}

/// Columns of a panel that lie one after another in the copy.
#[derive(Clone, Copy, Default)]
struct Piece {
    at: usize,
    from: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(window: Window, layout: &'a Layout, copy: &'a [f32]) -> Self {
        let channels = copy.len() / layout.plane.max(1);
        let [height, width] = window.kernel;
        let inside = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let inside: Vec<usize> = inside.map(|(y, x)| layout.offset(y, x)).collect();
        let channels = (0..channels).map(|channel| channel * layout.plane);
        let offsets = channels.flat_map(|start| inside.iter().map(move |at| start + at)).collect();
        Self { window, layout, copy, offsets }
    }

    /// One piece for each row of the output that the panel touches, and the longest one's length.
    #[inline(always)]
    fn pieces<'p>(&self, columns: Columns, all: &'p mut [Piece; 64]) -> (&'p [Piece], usize) {
        let width = self.window.output[1];
        let (mut at, mut count, mut longest) = (0, 0, 0);
        while at < columns.count {
            let (row, column) = ((columns.start + at) / width, (columns.start + at) % width);
            let length = (width - column).min(columns.count - at);
            all[count] = Piece { at, from: self.layout.start(row) + column };
            longest = longest.max(length);
            count += 1;
            at += length;
        }
        (&all[..count], longest)
    }

    /// Copies `V` vectors for every piece, of a panel with `P` vectors. What is too much is
    /// overwritten by the next piece.
    #[inline(always)]
    fn copy_pieces<S: Simd, const V: usize, const P: usize>(
        &self,
        _simd: S,
        depth: Depth,
        pieces: &[Piece],
        panel: &mut [f32],
    ) {
        let (lanes, width) = (V * S::F32_LANES, P * S::F32_LANES);
        for (step, &offset) in self.offsets[depth].iter().enumerate() {
            let source = &self.copy[offset..];
            let target = &mut panel[step * width..][..width + lanes];
            for piece in pieces {
                target[piece.at..][..lanes].copy_from_slice(&source[piece.from..][..lanes]);
            }
        }
    }
}

impl Gather for Pieces<'_> {
    #[inline(always)]
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]) {
        let mut pieces = [Piece::default(); 64];
        let (pieces, longest) = self.pieces(columns, &mut pieces);
        let vectors = columns.count.div_ceil(S::F32_LANES);
        if vectors == VECTORS && longest > S::F32_LANES {
            self.copy_pieces::<S, VECTORS, VECTORS>(simd, depth, pieces, panel);
        } else if vectors == VECTORS {
            self.copy_pieces::<S, 1, VECTORS>(simd, depth, pieces, panel);
        } else {
            self.copy_pieces::<S, 1, 1>(simd, depth, pieces, panel);
        }
    }
}
